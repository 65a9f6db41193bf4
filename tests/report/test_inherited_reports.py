"""Inherited subnets are no trained networks: what table, page and winner files of a run say."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from chromium import Chromium, chromium_path
from rich.console import Console
from synthetic_runs import evaluations, search_file, store_of
from test_report_page import page_of

from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Outcome
from aebnas.report import load_winner, write_report
from aebnas.report.text.terminal import front_table
from aebnas.runs.fidelity_status import FinalTraining, finals_of
from aebnas.runs.store.store import RunStore

EPOCHS = 9
SCRATCH = (f"training.epochs={EPOCHS}",)
INHERITS = ("evaluation.fidelities=[inherited]",)
TOP_CANDIDATES = ("evaluation.fidelities=[inherited, {trained: 9, keep: 6}]",)
TUNED_TOP_CANDIDATES = (
    "evaluation.fidelities=[{kind: inherited, finetune_epochs: 2}, {trained: 9, keep: 6}]",
)
HALVING = ("evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]",)


def run(path: Path, overrides: Sequence[str], epochs: Sequence[int | None]) -> RunStore:
    """Write a run whose candidates have so many epochs each, and stand at the fidelity that gives as many."""
    config = search_file(*overrides)
    plan = plan_of(config)
    names = {one.epochs: one.name for one in plan.fidelities}
    found = [
        replace(one, epochs=n, fidelity=names.get(n, plan.fidelities[0].name))
        for one, n in zip(evaluations(config, len(epochs)), epochs, strict=True)
    ]
    store = store_of(path, config, found, [len(found)])
    if plan.finals:
        trained = tuple(one.key for one in found if one.epochs == EPOCHS)
        store_finals(store, FinalTraining(plan.finals[0].name, EPOCHS, 6, trained, ()))
    return store


def store_finals(store: RunStore, final: FinalTraining) -> None:
    """Put what came of the final training into the last summary."""
    store.put_generation(1, dict(store.generations()[-1]) | {"finals": [asdict(final)]})


def final_of(store: RunStore) -> FinalTraining:
    (final,) = finals_of(store.generations())
    return final


def mixed(path: Path, subnets: int | None = 0, overrides: Sequence[str] = TOP_CANDIDATES) -> RunStore:
    """Write a run of 48 candidates, 6 of them trained, the others fine-tuned for ``subnets`` epochs."""
    return run(path, overrides, [EPOCHS if i % 8 == 0 else subnets for i in range(48)])


def fine_tuned(path: Path) -> RunStore:
    return mixed(path, 2, TUNED_TOP_CANDIDATES)


def caption(store: RunStore) -> str:
    console = Console(width=80, file=io.StringIO())
    console.print(front_table(store))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_the_caption_of_the_front_tells_trained_candidates_from_subnets(tmp_path: Path) -> None:
    assert "the best of 48 candidates (6 trained, 42 as inherited);" in caption(mixed(tmp_path / "a"))
    assert "the best of 48 candidates (6 trained, 42 fine-tuned);" in caption(fine_tuned(tmp_path / "b"))
    subnets = run(tmp_path / "c", INHERITS, [0] * 5)
    assert "the best of 5 candidates (5 as inherited);" in caption(subnets)


def test_subnets_that_are_tuned_for_as_long_as_training_stay_subnets(tmp_path: Path) -> None:
    tuned = (f"evaluation.fidelities=[{{kind: inherited, finetune_epochs: {EPOCHS}}}]",)
    store = run(tmp_path / "run", tuned, [EPOCHS] * 5)
    assert "the best of 5 candidates (5 fine-tuned);" in caption(store)


def test_without_a_supernet_all_are_trained_networks(tmp_path: Path) -> None:
    for name, overrides in (("a", ()), ("b", HALVING)):
        assert "the best of 5 trained networks;" in caption(run(tmp_path / name, overrides, [1] * 5))


def test_the_page_counts_candidates_and_says_how_many_were_trained(tmp_path: Path) -> None:
    text = " ".join(page_of(mixed(tmp_path / "run")).text.split())
    assert re.search(r"Candidates 48 done 6 trained, 42 as inherited; 0 failed; \d+ operating points", text)
    assert "Candidates 48 done, 0 failed 6 trained, 42 as inherited" in text
    assert "among all candidates" in text
    assert "Trainings" not in text
    assert "trained networks" not in text


def test_the_page_says_where_top_candidates_alone_hold_the_front(tmp_path: Path) -> None:
    store = mixed(tmp_path / "run")
    assert '"alone":false' in write_report([store]).page.read_text(encoding="utf-8")
    store_finals(store, replace(final_of(store), hold_front=True))
    page = write_report([store]).page.read_text(encoding="utf-8")
    assert '"alone":true' in page
    assert "they alone hold the front" in page
    assert "the best of 6 top-k candidates, 42 inherited subnets left out;" in caption(store)


def test_runs_that_trained_and_runs_that_inherited_share_a_column(tmp_path: Path) -> None:
    stores = [run(tmp_path / "a", SCRATCH, [EPOCHS] * 5), run(tmp_path / "b", INHERITS, [0] * 5)]
    text = " ".join(page_of(*stores, folder=tmp_path / "both").text.split())
    assert "Trainings / Candidates" in text


def epochs_cells(store: RunStore) -> dict[str, set[str]]:
    """Return the last figures of the rows of the table that needs no script, by key."""
    found: dict[str, set[str]] = {}
    for row in write_report([store]).page.read_text(encoding="utf-8").split("<tr>"):
        if key := re.search(r"<code>(\w{16})</code>", row):
            found.setdefault(key[1], set()).add(re.findall(r'<td class="number">(.*?)</td>', row)[-1])
    return found


@pytest.mark.parametrize(("subnets", "word"), [(0, "inherited"), (None, "–")])
def test_the_table_says_epochs_where_they_differ(tmp_path: Path, subnets: int, word: str) -> None:
    store = mixed(tmp_path / "run", subnets)
    known = {one.key: word if one.epochs == subnets else "9" for one in store.evaluations()}
    output = epochs_cells(store)
    assert output == {key: {known[key]} for key in output}
    assert {cell for cells in output.values() for cell in cells} == {word, "9"}


def test_the_table_says_no_epochs_where_all_have_the_same(tmp_path: Path) -> None:
    assert ">Epochs<" in write_report([run(tmp_path / "a", HALVING, [1, 3, 9])]).page.read_text()
    assert ">Epochs<" not in write_report([run(tmp_path / "b", (), [9] * 3)]).page.read_text()
    assert ">Epochs<" not in write_report([run(tmp_path / "c", INHERITS, [0] * 3)]).page.read_text()


def test_why_top_candidates_failed_is_on_the_page(tmp_path: Path) -> None:
    store = mixed(tmp_path / "run")
    subnets = [one for one in store.evaluations() if one.epochs == 0][:2]
    final = final_of(store)
    store_finals(store, replace(final, chosen=8, failed=tuple(one.key for one in subnets)))
    for subnet in subnets:
        failed = replace(subnet.failed("loss is NaN"), epochs=EPOCHS, fidelity=final.fidelity)
        store.add(Outcome(failed), "context")
    text = " ".join(page_of(store).text.split())
    assert "2 failed, and stay inherited subnets; the reasons are below" in text
    assert "Failed candidates and final trainings" in text
    assert "2 as a top-k candidate: loss is NaN" in text
    assert "Failed candidates (2 of 2)" in text
    assert all(subnet.key in text.partition("Failed candidates (2 of 2)")[2] for subnet in subnets)


def test_a_winner_says_whether_it_inherited_or_was_trained(tmp_path: Path) -> None:
    store = mixed(tmp_path / "run")
    known = {one.key: one.epochs for one in store.evaluations()}
    found = [load_winner(path) for path in write_report([store]).winners]
    output = {one.key: (one.weights, one.epochs) for one in found}
    assert output == {key: ("trained", 9) if known[key] else ("inherited", 0) for key in output}
    assert len(set(output.values())) == 2


def test_a_winner_of_a_fine_tuned_subnet_says_for_how_long(tmp_path: Path) -> None:
    found = [load_winner(path) for path in write_report([fine_tuned(tmp_path / "run")]).winners]
    assert {(one.weights, one.epochs) for one in found} == {("trained", 9), ("inherited", 2)}


def test_a_winner_of_successive_halving_says_for_how_long_it_was_trained(tmp_path: Path) -> None:
    paths = write_report([run(tmp_path / "run", HALVING, [1, 3, 9, 1, 3, 9])]).winners
    assert {load_winner(path).weights for path in paths} == {"trained"}
    assert {load_winner(path).epochs for path in paths} <= {1, 3, 9}


def test_a_winner_of_a_run_that_trained_all_alike_is_as_it_was_before(tmp_path: Path) -> None:
    path = write_report([run(tmp_path / "run", (), [9] * 3)]).winners[0]
    assert not {"weights", "epochs"} & set(yaml.safe_load(path.read_text()))
    assert (load_winner(path).weights, load_winner(path).epochs) == (None, None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = chromium_path()
    if program is None:
        pytest.skip("no chromium or google-chrome on the PATH")
    chromium = Chromium(program)
    yield chromium
    chromium.close()


MARKS = "Object.fromEntries([...document.querySelectorAll('path.point')].map((one) => [one.dataset.key, %s]))"


@pytest.mark.parametrize(("write", "words"), [(mixed, "as inherited"), (fine_tuned, "fine-tuned")])
def test_subnets_are_hollow_and_the_legend_says_so(
    browser: Chromium, tmp_path: Path, write: Callable[[Path], RunStore], words: str
) -> None:
    store = write(tmp_path / "run")
    browser.open(write_report([store]).page)
    is_subnet = {one.key: one.epochs != EPOCHS for one in store.evaluations()}
    hollow = browser.value(MARKS % "getComputedStyle(one).stroke === getComputedStyle(one).color")
    named = browser.value(MARKS % f"one.ariaLabel.endsWith(', {words}')")
    assert hollow
    assert {key: is_subnet[key] for key in hollow} == hollow == named
    assert set(hollow.values()) == {True, False}
    assert f"hollow: {words}; filled: trained" in browser.text(".legend")
    assert browser.value("document.querySelector('path.rings').getAttribute('d').length") > 0
    assert browser.value("document.querySelector('path.cloud').getAttribute('d').length") > 0
    assert "Hypervolume over candidates" in browser.text("#progress")
    assert browser.problems == []


@pytest.mark.parametrize(("overrides", "epochs"), [(SCRATCH, 9), (INHERITS, 0), (HALVING, 9)])
def test_a_run_of_subnets_alone_or_without_any_has_no_hollow_marks(
    browser: Chromium, tmp_path: Path, overrides: tuple[str, ...], epochs: int
) -> None:
    browser.open(write_report([run(tmp_path / "run", overrides, [epochs] * 8)]).page)
    assert browser.value("document.querySelectorAll('path.hollow').length") == 0
    assert "hollow" not in browser.text(".legend")
    assert ("as inherited" in browser.text("#details")) == (overrides == INHERITS)
    assert ("over trainings" in browser.text("#progress")) == (overrides != INHERITS)
    assert browser.problems == []


def test_the_yaml_on_the_page_of_a_run_of_subnets_is_that_of_the_file(
    browser: Chromium, tmp_path: Path
) -> None:
    store = mixed(tmp_path / "run")
    files = write_report([store])
    browser.open(files.page)
    for path in files.winners:
        browser.value(f"document.querySelector('path.point[data-key=\"{path.stem}\"]').focus()")
        browser.press("Enter")
        browser.wait(f"document.querySelector('.slot-head code').innerText === '{path.stem}'")
        browser.frames()
        browser.value("document.querySelector('.yaml').open = true")
        browser.wait(f"document.querySelector('.yaml pre').textContent.includes('{path.stem}')")
        output = yaml.safe_load(browser.value("document.querySelector('.yaml pre').textContent"))
        written = yaml.safe_load(path.read_text())
        assert output | {"points": []} == written | {"points": []}


def test_the_candidates_table_has_a_column_of_epochs(browser: Chromium, tmp_path: Path) -> None:
    store = mixed(tmp_path / "run")
    browser.open(write_report([store]).page)
    browser.click("th[data-column='epochs'] button")
    rows = browser.value(
        "[...document.querySelectorAll('table.candidates tbody tr')].map((row) => "
        "[row.querySelector('code').innerText, row.cells[row.cells.length - 3].innerText])"
    )
    known = {one.key: "9" if one.epochs else "inherited" for one in store.evaluations()}
    assert [word for _, word in rows] == [known[key] for key, _ in rows]
    assert sorted({word for _, word in rows}) == ["9", "inherited"]
    assert [word for _, word in rows] == sorted((word for _, word in rows), reverse=True)
