"""The page: self-contained, honest, safe, and there for every state of a run."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_runs import ENVIRONMENT, EVIL, evaluations, search_file, store_of

from aebnas.report import write_report
from aebnas.report.exits.page import SCRIPTS as EXITS_SCRIPTS
from aebnas.report.page.frame import resource, script
from aebnas.report.page.markup import data_script
from aebnas.report.page.page import SCRIPTS
from aebnas.runs.status import RunStatus
from aebnas.runs.store.store import RunStore


class Page(HTMLParser):
    """Everything a browser would load or run, and the visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text += f"{data} "

    def runs(self) -> list[dict[str, Any]]:
        """Return the data of the page's runs."""
        return list(json.loads(self.scripts[0])["runs"])


def page_of(*stores: RunStore, folder: Path | None = None) -> Page:
    return Page(write_report(stores, folder).page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Page:
    config = search_file("constraints.macs.max=150000", "constraints.params.max=9000")
    found = evaluations(config, 20, ["out of memory", "out of memory", "loss is NaN"])
    return page_of(store_of(tmp_path_factory.mktemp("runs") / "finished", config, found, [12, 23]))


def points(page: Page) -> list[tuple[str, float, bool, bool]]:
    """Return key, budget fraction, and whether it is on the front and feasible, of every operating point."""
    return [
        (candidate["k"], share, bool(on_front), bool(is_feasible))
        for run in page.runs()
        for candidate in run["candidates"]
        for share, _, on_front, is_feasible in candidate["o"]
    ]


def test_the_page_loads_nothing(finished: Page) -> None:
    loading = {"src", "srcset", "data", "action", "poster", "background"}
    assert not [one for one in finished.attributes if one[1] in loading]
    links = [value for _, name, value in finished.attributes if name == "href"]
    assert links
    assert not [link for link in links if link is None or not re.match(r"#|winners/", link)]
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(finished.tags)


def test_the_policy_allows_the_pages_own_scripts_and_no_other(finished: Page) -> None:
    (policy,) = [
        v for t, n, v in finished.attributes if (t, n) == ("meta", "content") and "default-src" in str(v)
    ]
    digests = {
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in finished.scripts[1:]
    }
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    directive = next(part.split() for part in policy.split("; ") if part.startswith("script-src"))
    assert set(directive[1:]) == digests
    assert len(digests) == 1


@pytest.mark.parametrize("names", [SCRIPTS, EXITS_SCRIPTS])
def test_no_script_of_a_page_can_end_its_element(names: tuple[str, ...]) -> None:
    assert "</script" not in script(names)
    assert "<!--" not in script(names)


@pytest.mark.parametrize("names", [SCRIPTS, EXITS_SCRIPTS])
def test_every_colour_of_the_scripts_is_defined_by_the_styles(names: tuple[str, ...]) -> None:
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", script(names)))
    styles = resource("page.css") + resource("report.css")
    assert used <= set(re.findall(r"(--[a-z0-9-]+):", styles))


def test_every_script_of_the_assets_is_on_a_page() -> None:
    assets = files("aebnas.report") / "assets"
    there = {
        f"{folder}/{path.name}" for folder in ("report", "exits") for path in (assets / folder).iterdir()
    }
    assert {f"{name}.js" for name in (*SCRIPTS, *EXITS_SCRIPTS)} == there


def test_the_data_hold_every_operating_point_once(finished: Page) -> None:
    config = search_file()
    expected = {
        (one.key, one.point_index(share))
        for one in evaluations(config, 20)
        for share in config.search.budget_fractions
    }
    assert len(points(finished)) == len(expected)


def test_the_data_hold_the_curves_as_they_are_stored(finished: Page) -> None:
    (run,) = finished.runs()
    stored = {one.key: one for one in evaluations(search_file(), 20)}
    for candidate in run["candidates"]:
        curve = stored[candidate["k"]].curve
        assert curve is not None
        exits = len(candidate["r"])
        rows = np.frombuffer(base64.b64decode(candidate["c"]), "<u2").reshape(exits, -1) / run["scale"]
        assert np.allclose(rows[0], curve.select_accuracy)
        assert np.allclose(rows[1:].T, curve.exit_rates[:, :-1])
        assert candidate["x"] == pytest.approx(curve.exit_accuracy.tolist(), rel=1e-5)


def test_infeasible_points_are_told_from_feasible_ones(finished: Page) -> None:
    bounds = {metric: high for metric, _, high in finished.runs()[0]["bounds"]}
    assert bounds == {"macs": 150_000, "params": 9000}
    stored = {one.key: one for one in evaluations(search_file(), 20)}
    for key, share, on_front, is_feasible in points(finished):
        metrics = stored[key].metrics(share)
        assert is_feasible == (metrics["macs"] <= 150_000 and metrics["params"] <= 9000)
        assert is_feasible or not on_front
    assert any(not one[3] for one in points(finished))


def test_the_points_of_the_front_are_those_of_the_last_generation(finished: Page) -> None:
    on_front = [(key, share) for key, share, is_front, _ in points(finished) if is_front]
    assert len(on_front) == finished.runs()[0]["generations"][-1][4]
    assert len(on_front) > 1


def test_the_page_says_what_it_was_scored_on(finished: Page) -> None:
    assert "Test data were not read" in finished.text
    assert "optimistic" in finished.text
    assert "Only 400 images scored the candidates" in finished.text
    assert "calibrate 300, select 400" in finished.text


def test_headline_figures_count_failures_and_operating_points(finished: Page) -> None:
    assert "20 done" in finished.text
    budget_fractions = search_file().search.budget_fractions
    done = evaluations(search_file(), 20)
    points = len({(one.key, one.point_index(share)) for one in done for share in budget_fractions})
    assert points > 20
    assert f"3 failed; {points} operating points read off their curves" in finished.text
    assert "uncommitted changes" in finished.text


def test_trainings_that_were_cut_off_are_counted(tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "run", config, evaluations(config, 3), [3])
    assert "cut off" not in page_of(store).text
    store.start_attempt("0123456789abcdef", "context", "trained8")
    assert "1 cut off before the end" in page_of(store).text


def test_failures_are_counted_by_reason(finished: Page) -> None:
    assert re.search(r"2\s+out of memory", finished.text)
    assert re.search(r"1\s+loss is NaN", finished.text)


def test_only_the_best_candidates_are_on_the_page_beyond_the_limit(tmp_path: Path) -> None:
    config = search_file("report.max_candidates=5")
    page = page_of(store_of(tmp_path / "run", config, evaluations(config, 12), [12]))
    (run,) = page.runs()
    assert len(run["candidates"]) == 5
    assert {key for key, _, on_front, _ in points(page) if on_front}
    assert "best 5 of 12 candidates" in page.text


def test_proposals_that_were_known_count_as_duplicates_saved(tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "run", config, evaluations(config, 6), [6, 6])
    assert re.search(r"Duplicates saved\s+6\s+12 proposals, 6 of them known", page_of(store).text)


def test_a_run_killed_in_its_first_generation_shows_what_finished(tmp_path: Path) -> None:
    config = search_file()
    page = page_of(store_of(tmp_path / "run", config, evaluations(config, 6), status=RunStatus.RUNNING))
    assert "has not finished" in page.text
    assert "No generation is finished" in page.text
    assert any(on_front for _, _, on_front, _ in points(page))
    assert page.runs()[0]["generations"] == []


def test_a_run_that_failed_says_why_and_not_that_it_was_killed(tmp_path: Path) -> None:
    why = "all 3 candidates of the first generation failed"
    config = search_file()
    store = store_of(tmp_path / "run", config, evaluations(config, 0, ["broken"]))
    store.put_status(RunStatus.STOPPED, why)
    page = page_of(store)
    assert f"The search stopped: {why}." in page.text
    assert "it was killed" not in page.text


def test_candidates_after_the_last_generation_are_announced(tmp_path: Path) -> None:
    config = search_file()
    page = page_of(
        store_of(tmp_path / "run", config, evaluations(config, 9), [6], status=RunStatus.INTERRUPTED)
    )
    assert "The search was interrupted" in page.text
    assert "3 candidates finished after the last stored generation" in page.text


def test_a_run_without_a_feasible_point_says_so(tmp_path: Path) -> None:
    config = search_file("constraints.accuracy.min=0.9999")
    page = page_of(store_of(tmp_path / "run", config, evaluations(config, 6), [6]))
    assert "No operating point satisfies all constraints" in page.text
    assert points(page)
    assert not any(is_feasible for *_, is_feasible in points(page))


def test_a_run_without_a_finished_candidate_says_so(tmp_path: Path) -> None:
    config = search_file()
    page = page_of(
        store_of(tmp_path / "run", config, evaluations(config, 0, ["broken"]), status=RunStatus.RUNNING)
    )
    assert "No candidate has finished training" in page.text
    assert points(page) == []


def test_an_empty_run_has_a_page(tmp_path: Path) -> None:
    page = page_of(store_of(tmp_path / "run", search_file(), [], status=RunStatus.RUNNING))
    assert "0 done" in page.text


def test_a_run_that_the_clock_stopped_is_not_called_repeatable(tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "run", config, evaluations(config, 3), [3])
    assert "not exactly repeatable" not in page_of(store).text
    store.put_metadata("not_repeatable", "search.max_minutes stopped the search")
    assert "not exactly repeatable: search.max_minutes stopped the search" in page_of(store).text


def test_without_labels_and_environment_there_is_still_a_page(tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "run", config, evaluations(config, 3), [3])
    (store.path / "labels.npz").unlink()
    (store.path / "environment.json").write_text("{")
    page = page_of(store)
    assert "labels.npz cannot be read" in page.text
    assert page.runs()[0]["images"] is None


def test_text_from_files_never_becomes_an_element(tmp_path: Path) -> None:
    config = search_file()
    found = evaluations(config, 4, [EVIL])
    store = store_of(tmp_path / "a<b onclick=x>&", config, found, [5])
    store.put_metadata("not_repeatable", EVIL)
    (store.path / "environment.json").write_text(json.dumps({**ENVIRONMENT, "versions": {EVIL: EVIL}}))
    page = page_of(store)
    assert page.tags.count("script") == 2
    assert not {"img", "b"} & set(page.tags)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("alert(1)") >= 3  # shown as text


def test_data_on_the_page_cannot_end_its_script() -> None:
    script = data_script("figures", [{"name": EVIL, "value": float("nan")}])
    assert script.count("<") == 2  # the element's own tags
    page = Page(script)
    assert json.loads(page.scripts[0]) == [{"name": EVIL, "value": None}]


def test_several_runs_are_told_apart(tmp_path: Path) -> None:
    config = search_file()
    stores = [
        store_of(tmp_path / folder / "same", config, evaluations(config, 8, seed=seed), [8])
        for folder, seed in (("a", 0), ("b", 50))
    ]
    first, second = page_of(*stores).runs()
    assert [first["label"], second["label"]] == ["same", "same (2)"]
    assert [one["r"] for one in first["candidates"]] != [one["r"] for one in second["candidates"]]


def test_the_front_is_readable_without_a_script(finished: Page) -> None:
    on_front = [key for key, _, is_front, _ in points(finished) if is_front]
    assert all(key in finished.text for key in on_front)


def test_runs_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    config = search_file()
    other = search_file("objectives=[error, params]", "training.epochs=3")
    stores = [store_of(tmp_path / str(i), c, evaluations(c, 4), [4]) for i, c in enumerate((config, other))]
    stores[1].put_metadata("data", "other images")
    text = page_of(*stores).text
    assert "different data or splits" in text
    assert "hypervolumes cannot be compared" in text
    assert "different settings" in text


def test_the_page_needs_no_torch_and_the_package_no_pandas() -> None:
    code = (
        "import sys, aebnas.report\n"
        "heavy = {'torch', 'ray', 'pymoo', 'pandas', 'rich', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
