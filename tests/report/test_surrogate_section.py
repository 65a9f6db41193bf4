"""The surrogate's part of the page, and its word in the line of a generation."""

from dataclasses import asdict
from pathlib import Path

import pytest
from synthetic_runs import evaluations, search_file, store_of

from aebnas.cli.views.plain import PlainView
from aebnas.report.page.page import page
from aebnas.report.page.surrogate_section import predictions, surrogate_sections
from aebnas.runs.reading import read_runs
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation, PredictedCandidate, SurrogateStatus

OFF = SurrogateStatus(
    is_on=False,
    reason="tau -0.25 is below 0",
    models={"error": "gp", "macs": "ridge"},
    fold_tau={"error": 0.31, "macs": 0.9},
    tau=-0.25,
    compared=8,
    bias=0.0123,
    coverage=0.875,
    gains={"surrogate": 0.00125, "plain": 0.0005},
    chance=0.61,
    predictions=(
        PredictedCandidate("abc<d", "plain", 0.1, 0.2),
        PredictedCandidate("ef01", "surrogate", 0.3, 0.25),
    ),
)


def store_with(path: Path, *statuses: SurrogateStatus) -> RunStore:
    config = search_file("search.surrogate=auto")
    store = store_of(path, config, evaluations(config, 6), generation_sizes=[3, 6])
    first, second = store.generations()
    store.put_generation(1, first)
    store.put_generation(2, second | ({"surrogate": asdict(statuses[0])} if statuses else {}))
    return store


def test_the_table_says_when_it_was_off_and_why(tmp_path: Path) -> None:
    (section,) = surrogate_sections(read_runs([store_with(tmp_path / "run", OFF)]))
    assert section.note.startswith("It was switched off in generation 2.")
    (row,) = section.rows
    cells = (row.state, row.models, *row.numbers)
    for text in (
        "off: tau -0.25 is below 0",
        "error: gp (0.31), macs: ridge (0.90)",
        "-0.25",
        "+1.23%",
        "1.25",
        "0.50",
        "0.61",
    ):
        assert text in cells


def test_the_figure_gets_what_was_predicted_and_observed(tmp_path: Path) -> None:
    (run,) = read_runs([store_with(tmp_path / "run", OFF)])
    assert predictions(run) == [[2, "abc<d", "plain NSGA-II", 0.1, 0.2], [2, "ef01", "surrogate", 0.3, 0.25]]


def test_a_run_without_a_surrogate_has_no_such_section(tmp_path: Path) -> None:
    (run,) = read_runs([store_with(tmp_path / "run")])
    assert (surrogate_sections([run]), predictions(run)) == ([], [])


def test_the_page_holds_the_section_and_the_place_that_the_script_draws_into(tmp_path: Path) -> None:
    stores = [store_with(tmp_path / "run", OFF)]
    text = page(read_runs(stores), stores, {})
    assert 'id="surrogate-section-0"' in text
    assert 'id="surrogate-0"' in text
    assert "off: tau -0.25 is below 0" in text


def test_the_line_of_a_generation_says_whether_it_proposed(capsys: pytest.CaptureFixture[str]) -> None:
    PlainView()(Generation(2, (), 10, 0, 0.5, surrogate=OFF))
    assert capsys.readouterr().out.strip().endswith("surrogate off (tau -0.25)")
