"""The page in a real browser: points answer, the slider changes the numbers, the console stays silent."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from chromium import Chromium, chromium_path
from synthetic_runs import EVIL, evaluations, search_file, store_of

from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.report import load_winner, write_report
from aebnas.report.files.winners import winners
from aebnas.runs.reading import read_run
from aebnas.runs.status import RunStatus

PROGRAM = chromium_path()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium or google-chrome on the PATH")
POINT = "path.point[tabindex='0']"
ROWS = "[...document.querySelectorAll('table.candidates tbody tr')]"
ACCURACIES = f"{ROWS}.map((row) => parseFloat(row.cells[1].innerText))"
KEYS = "[...document.querySelectorAll('path.point')].map((one) => one.dataset.key)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    assert PROGRAM is not None
    chromium = Chromium(PROGRAM)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = search_file("constraints.macs.max=150000")
    found = evaluations(config, 24, ["out of memory", EVIL])
    path = tmp_path_factory.mktemp("browser") / "run"
    store = store_of(path, config, found, [12, 26], with_scores=True)
    write_report([store])
    return path


@pytest.fixture
def page(browser: Chromium, run: Path) -> Chromium:
    browser.resize(1400, 1000)
    browser.open(run / "report.html")
    return browser


def opened(page: Chromium) -> str:
    return page.text(".slot-head code")


def test_the_page_opens_with_the_most_accurate_point_and_a_silent_console(page: Chromium) -> None:
    best = page.text(".cards strong")
    assert best in page.text("table.numbers")
    assert page.problems == []


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_window(page: Chromium, width: int, is_dark: bool) -> None:
    page.resize(width, 900, is_dark)
    page.frames()
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.problems == []


def test_a_click_on_a_point_opens_it(page: Chromium) -> None:
    keys = page.value(KEYS)
    key = next(key for key in keys if key != opened(page))
    page.click(f"path.point[data-key='{key}']")
    assert opened(page) == key
    assert key in page.text(".command code")
    assert page.value(f"document.querySelector('.drawing').getAttribute('aria-label').includes('{key}')")


def test_points_answer_the_keyboard(page: Chromium) -> None:
    page.value(f'document.querySelector("{POINT}").focus()')
    page.press("End")
    last = page.value("document.activeElement.dataset.key")
    page.press("ArrowLeft")
    before = page.value("document.activeElement.getAttribute('aria-label')")
    page.press("Enter")
    assert page.value("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert opened(page) in before
    page.press("ArrowRight")
    assert page.value("document.activeElement.dataset.key") == last


def moved(page: Chromium, value: str) -> str:
    page.value(
        "(() => { const one = document.querySelector('.slider');"
        f"one.value = {value}; one.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()"
    )
    return page.text("table.numbers")


def test_the_slider_changes_rates_accuracy_and_cost_to_what_the_run_stored(page: Chromium, run: Path) -> None:
    key = page.value(KEYS)
    known = {one.key: one for one in evaluations(search_file(), 24)}
    early = next(one for one in key if len(known[one].reach_macs) == 2)
    page.click(f"path.point[data-key='{early}']")
    curve = known[early].curve
    assert curve is not None
    texts = []
    for i in (0, 17, len(curve.select_cost) - 1):
        text = moved(page, str(i)).replace("\u00a0", " ")
        texts.append(text)
        assert f"{curve.select_accuracy[i] * 100:.2f}%" in text
        assert f"{curve.exit_rates[i, 0] * 100:.1f}%" in text
        assert f"{curve.select_cost[i] / 1000:.{1 if curve.select_cost[i] < 1e5 else 0}f} k" in text
    assert len(set(texts)) == 3


def test_the_slider_moves_by_keys(page: Chromium) -> None:
    page.value("document.querySelector('.slider').focus()")
    before = page.value("document.activeElement.valueAsNumber")
    page.press("ArrowLeft")
    page.press("ArrowLeft")
    assert page.value("document.activeElement.valueAsNumber") == max(0, before - 2)


def test_two_candidates_stand_side_by_side(page: Chromium) -> None:
    page.click("path.point[data-key]", shift=True)
    assert page.text("table.numbers thead").split("\t") == ["", "A", "B", "B − A"]
    assert page.value("document.querySelectorAll('.drawing').length") == 2
    assert page.value("document.querySelectorAll('.slider').length") == 2
    page.click(".slot button[aria-label='Close B']")
    assert page.value("document.querySelectorAll('.drawing').length") == 1


def test_the_compare_button_waits_for_the_next_point(page: Chromium) -> None:
    first = opened(page)
    page.click(".slot-head button")
    page.click(POINT)
    assert (
        page.value("[...document.querySelectorAll('.slot-head code')].map((one) => one.innerText)")[0]
        == first
    )
    assert page.value("document.querySelectorAll('.slot').length") == 2


def chosen(page: Chromium, label: str, value: str) -> None:
    page.value(
        "(() => { const one = [...document.querySelectorAll('label')]"
        f".find((label) => label.innerText.startsWith({json.dumps(label)})).querySelector('select, input');"
        f"one.value = {json.dumps(value)};"
        "one.dispatchEvent(new Event(one.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true })); })()"
    )
    page.frames()


@pytest.mark.parametrize("metric", ["params", "worst_macs", "peak_activation_bytes", "error"])
def test_every_axis_can_be_chosen(page: Chromium, metric: str) -> None:
    before = page.value("document.querySelector('path.point').getAttribute('transform')")
    chosen(page, "Across", metric)
    assert page.value("document.querySelectorAll('path.point').length") > 1
    assert page.value("document.querySelector('path.point').getAttribute('transform')") != before
    assert page.problems == []


def test_a_constraint_is_a_line_where_its_axis_is_shown(page: Chromium) -> None:
    assert "expected MACs ≤ 150" in page.text("#front .bound-word").replace("\u00a0", " ")
    chosen(page, "Across", "params")
    assert page.value("document.querySelectorAll('#front .bound').length") == 0
    assert "Constraints beyond these axes: expected MACs ≤ 150" in page.text("#front-note").replace(
        "\u00a0", " "
    )


def rows(page: Chromium) -> int:
    return int(page.value("document.querySelectorAll('table.candidates tbody tr').length"))


def test_the_table_filters_by_text_accuracy_and_cost(page: Chromium) -> None:
    chosen(page, "Show", "all")
    everything = rows(page)
    chosen(page, "Text", "mbconv k5")
    some = rows(page)
    assert 0 < some < everything
    words = f"{ROWS}.map((row) => row.querySelector('.line').title)"
    assert all("mbconv" in text and "k5" in text for text in page.value(words))
    chosen(page, "Text", "")
    chosen(page, "Accuracy at least", "90")
    accurate = page.value(ACCURACIES)
    assert accurate
    assert min(accurate) >= 90
    chosen(page, "at most", "100k")
    assert rows(page) < len(accurate)


def test_the_table_sorts_by_a_column_both_ways(page: Chromium) -> None:
    page.click("th[data-column='accuracy'] button")
    rising = page.value(ACCURACIES)
    page.click("th[data-column='accuracy'] button")
    assert rising == sorted(rising)
    assert page.value(ACCURACIES) == rising[::-1]
    assert (
        page.value("document.querySelector('th[data-column=accuracy]').getAttribute('aria-sort')")
        == "descending"
    )


def test_a_row_opens_by_key_and_arrows_walk_the_table(page: Chromium) -> None:
    page.value("document.querySelector('table.candidates tbody tr').focus()")
    page.press("ArrowDown")
    key = page.value("document.activeElement.querySelector('code').innerText")
    page.press("Enter")
    assert opened(page) == key
    assert page.value("document.activeElement.cells[0].innerText") == "A"


def test_the_yaml_of_a_candidate_is_a_winner_file(page: Chromium, run: Path, tmp_path: Path) -> None:
    page.click(".yaml summary")
    page.wait("document.querySelector('.yaml pre').textContent.length > 0")
    text = page.value("document.querySelector('.yaml pre').textContent")
    (tmp_path / "winner.yaml").write_text(text)
    read = load_winner(tmp_path / "winner.yaml")
    written = load_winner(run / "winners" / f"{opened(page)}.yaml")
    assert read.model_dump(exclude={"points"}) == written.model_dump(exclude={"points"})
    assert [p.thresholds for p in read.points] == [p.thresholds for p in written.points]
    for mine, theirs in zip(read.points, written.points, strict=True):
        assert mine.accuracy == pytest.approx(theirs.accuracy)
        assert mine.exit_rates == pytest.approx(theirs.exit_rates, abs=1e-8)


def test_every_exit_has_a_reliability_diagram(page: Chromium) -> None:
    exits = page.value("document.querySelectorAll('.small-figure').length")
    assert exits == page.value("document.querySelectorAll('table.numbers .exit-row').length")
    assert page.value("document.querySelectorAll('.small-figure .bin').length") >= exits


def test_the_front_prefers_and_the_progress_are_drawn(page: Chromium) -> None:
    assert page.value("document.querySelectorAll('#genes .gene').length") > 4
    assert page.value("document.querySelectorAll('#progress svg').length") >= 1


def test_names_and_reasons_from_files_stay_text(browser: Chromium, tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "a<img src=x onerror=alert(1)>&", config, evaluations(config, 6, [EVIL]), [7])
    store.put_metadata("classes", [EVIL, "b"])
    browser.open(write_report([store]).page)
    assert browser.value("document.images.length") == 0
    assert browser.value("document.scripts.length") == 2
    assert "<img src=x onerror=alert(1)>" in browser.text("h1")
    assert browser.problems == []


def test_several_runs_share_the_figure(browser: Chromium, tmp_path: Path) -> None:
    config = search_file()
    stores = [
        store_of(tmp_path / name, config, evaluations(config, 8, seed=seed), [8])
        for name, seed in (("first", 0), ("second", 50))
    ]
    browser.open(write_report(stores, tmp_path / "both").page)
    assert "first: front" in browser.text(".legend")
    assert "second: front" in browser.text(".legend")
    colours = browser.value(
        "[...new Set([...document.querySelectorAll('path.point')].map((one) => one.style.fill))]"
    )
    assert len(colours) == 2
    assert browser.problems == []


@pytest.mark.parametrize("done", [0, 3])
def test_a_run_without_a_front_has_a_silent_page(browser: Chromium, tmp_path: Path, done: int) -> None:
    config = search_file("constraints.accuracy.min=0.9999")
    store = store_of(
        tmp_path / "run", config, evaluations(config, done, ["broken"]), status=RunStatus.RUNNING
    )
    browser.open(write_report([store]).page)
    assert browser.problems == []


def test_policies_of_any_kind_have_their_yaml(browser: Chromium, tmp_path: Path) -> None:
    config = search_file("exits.policy=patience")
    found = []
    for one in evaluations(config, 6):
        assert one.curve is not None
        exits = len(one.curve.reach_cost)
        policies = [PatiencePolicy(1 + i % exits, exits) for i in range(30)]
        found.append(replace(one, curve=replace(one.curve, policies=policies)))
    store = store_of(tmp_path / "run", config, found, [6])
    browser.open(write_report([store]).page)
    browser.click(".yaml summary")
    browser.wait("document.querySelector('.yaml pre').textContent.length > 0")
    output = yaml.safe_load(browser.value("document.querySelector('.yaml pre').textContent"))
    winner = next(one for one in winners(read_run(store)) if one.key == output["key"])
    assert [point["policy"] for point in output["points"]] == [point.policy for point in winner.points]
