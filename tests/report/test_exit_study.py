"""``aebnas exits``: all policies of one network of a run, as tables, page and JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from synthetic_runs import SELECT_IMAGES, evaluations, search_file, store_of

from aebnas.cli import main
from aebnas.config.sections.constraints import Bound
from aebnas.errors import RunError
from aebnas.exits.policies.families import FAMILIES
from aebnas.report.exits.study import ExitStudy, exit_study
from aebnas.report.exits.tables import exit_tables, terminal_table
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """A run that keeps made-up logits of the front."""
    config = search_file()
    return with_logits(store_of(tmp_path / "run", config, evaluations(config, 8), [8]))


def with_logits(store: RunStore) -> RunStore:
    """Return the run with made-up logits of its front."""
    rng = np.random.default_rng(0)
    for key, exits in {(one.key, len(one.reach_macs)) for one in store.evaluations()}:
        if key not in front(store):
            continue
        logits = {}
        for name, images in (("calibrate", 300), ("select", SELECT_IMAGES)):
            labels = np.arange(images) % 10
            logits[name] = rng.normal(size=(images, exits, 10)).astype(np.float32)
            logits[name][np.arange(images), :, labels] += np.linspace(2, 3, exits)
        store.artefacts.logits_path(key, "trained8").write_bytes(pack_arrays(logits))
    return store


def front(store: RunStore) -> list[str]:
    return [key for key, _ in store.generations()[-1]["front"]]


def test_the_default_is_the_most_accurate_network_of_the_front_with_an_early_exit(store: RunStore) -> None:
    best = max(
        ((one.metrics(share)["accuracy"], one.key) for one in store.evaluations() for key, share
         in store.generations()[-1]["front"] if one.key == key and len(one.reach_macs) > 1),
    )  # fmt: skip
    assert exit_study(store).evaluation.key == best[1]


@pytest.mark.parametrize("early", [0, 1])
def test_a_network_without_early_exits_is_compared_where_there_is_no_other(
    early: int, tmp_path: Path
) -> None:
    config = search_file()
    found = evaluations(config, 12)
    alone = next(one for one in found if len(one.reach_macs) == 1)
    assert alone.curve is not None
    expensive_and_right = {"select_accuracy": np.ones(30), "select_cost": np.full(30, 1e6)}
    best = replace(alone, curve=replace(alone.curve, **expensive_and_right))
    others = [one for one in found if len(one.reach_macs) == 2][:early]
    store = with_logits(store_of(tmp_path / "run", config, [best, *others], [1 + early]))
    study = exit_study(store)
    assert len(study.exits) == 1 + early
    assert any("no early exits" in text for text in study.warnings) == (not early)


def test_a_run_whose_front_is_empty_says_why_it_holds_no_logits(tmp_path: Path) -> None:
    config = search_file("constraints.accuracy={min: 1.0}")
    store = store_of(tmp_path / "run", config, evaluations(config, 4), [4])
    with pytest.raises(RunError, match="those of its front, which is empty"):
        exit_study(store)


def test_any_network_with_logits_can_be_asked_for(store: RunStore) -> None:
    for key in front(store):
        assert exit_study(store, key).evaluation.key == key


def test_logits_that_were_not_kept_are_an_error_that_names_those_that_were(store: RunStore) -> None:
    gone = next(one.key for one in store.evaluations() if one.key not in front(store))
    with pytest.raises(RunError, match="a run keeps those of its front") as caught:
        exit_study(store, gone)
    assert all(key in str(caught.value) for key in front(store))


def test_where_nothing_is_feasible_the_default_is_the_nearest_miss(tmp_path: Path) -> None:
    search = search_file()
    config = search.model_copy(update={"constraints": {"worst_macs": Bound(max=1.0)}})
    store = store_of(tmp_path / "run", config, evaluations(config, 8), [8])
    assert front(store) == []
    for one in store.evaluations():
        shape = (2, 300 + SELECT_IMAGES, len(one.reach_macs), 10)
        logits = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        calibrate, select = logits[0, :300], logits[1, :SELECT_IMAGES]
        store.artefacts.logits_path(one.key, one.fidelity).write_bytes(
            pack_arrays({"calibrate": calibrate, "select": select})
        )
    nearest = min(store.evaluations(), key=lambda one: one.reach_macs[-1])
    assert exit_study(store).evaluation.key == nearest.key


def test_an_unknown_key_is_an_error_that_names_the_choices(store: RunStore) -> None:
    with pytest.raises(RunError, match=f"no candidate 'abc'.*{front(store)[0]}"):
        exit_study(store, "abc")


def test_a_run_without_logits_says_so(store: RunStore) -> None:
    store.artefacts.forget(store.artefacts.kept())
    with pytest.raises(RunError, match="logits of no candidate"):
        exit_study(store)


def test_the_tables_fit_eighty_characters(store: RunStore) -> None:
    text = shown(exit_study(store))
    assert all(name in text for name in FAMILIES)
    assert "…" not in text


def test_the_widest_numbers_fit_eighty_characters(store: RunStore) -> None:
    study = exit_study(store)
    families = tuple(
        replace(
            one,
            points=tuple(
                replace(point, accuracy=0.987, low=0.9671, high=1.0, gain_low=0.1, cost=1.0)
                for point in one.points
            ),
        )
        for one in study.comparison.families
    )
    text = shown(replace(study, comparison=replace(study.comparison, families=families)))
    assert text.count("↑98.7  96.7–100  100") == 3 * len(FAMILIES)


def test_a_long_name_cuts_no_number(store: RunStore) -> None:
    twin = {"pcee_ws score=entropy lower_bound=0.95": FAMILIES["confidence"]()}
    rows = []
    for others in ({}, twin):
        lines = shown(exit_study(store, others=others)).splitlines()
        numbers = next(line for line in lines if line.strip().startswith("confidence")).split()[1:]
        rows.append(sum(line.split()[-9:] == numbers for line in lines))
    assert rows[1] == rows[0] + 1
    assert "…" not in "".join(lines)


def shown(study: ExitStudy) -> str:
    """Return the tables as a terminal of 80 characters shows them."""
    with open("/dev/null", "w") as nowhere:
        console = Console(width=80, record=True, file=nowhere)
        for table in exit_tables(study):
            console.print(terminal_table(table))
        return console.export_text()


def test_the_command_writes_a_page_that_loads_nothing(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exits", str(store.path)]) == 0
    page = (store.path / "exits.html").read_text()
    head = page[: page.index('<script type="application/json"')]
    assert "src=" not in head
    assert "default-src 'none'" in head
    assert all(f'scope="row">{name}<' in head for name in FAMILIES)
    assert capsys.readouterr().out.splitlines()[-1] == f"Page: {store.path / 'exits.html'}"


def test_json_holds_every_figure(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    key = front(store)[0]
    page = store.path / "other.html"
    assert main(["exits", str(store.path), "--candidate", key, "--json", "-o", str(page)]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["key"] == key
    assert [one["name"] for one in output["families"]] == list(FAMILIES)
    assert len(output["families"][0]["points"]) == 3
    assert output["scored_on"] == SELECT_IMAGES
    assert page.is_file()


def test_a_missing_candidate_ends_with_the_run_error_code(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exits", str(store.path), "--candidate", "nope"]) == 4
    assert "Traceback" not in capsys.readouterr().err


def test_further_policies_are_compared_on_the_same_images(store: RunStore) -> None:
    study = exit_study(store, others={"twin": FAMILIES["pcee"]()})
    by_name = {one.name: one for one in study.comparison.families}
    assert list(by_name) == [*FAMILIES, "twin"]
    assert by_name["twin"].points == by_name["pcee"].points
