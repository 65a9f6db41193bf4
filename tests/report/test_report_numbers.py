"""Intervals, times, words and the terminal's table."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from synthetic_runs import architectures, candidate, evaluations, search_file, store_of

from aebnas.evaluation.settings import goals_of
from aebnas.report import front_table
from aebnas.report.text.terminal import thinned
from aebnas.runs.formatting import duration, si
from aebnas.runs.fronts.individuals import individual, pareto_front
from aebnas.runs.intervals import wilson_interval
from aebnas.runs.reading import read_run
from aebnas.runs.status import RunStatus
from aebnas.runs.store.store import RunStore
from aebnas.runs.timing import timing


def test_the_interval_is_the_published_one() -> None:
    # Newcombe (1998), Table I: 81 of 263, and 0 of 20
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_the_interval_holds_the_share_and_stays_a_share(images: int, share: float) -> None:
    low, high = wilson_interval(share, images)
    assert 0 <= low <= share <= high <= 1


def test_more_images_narrow_the_interval() -> None:
    widths = [high - low for low, high in (wilson_interval(0.9, n) for n in (100, 1000, 10000))]
    assert widths == sorted(widths, reverse=True)


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold"):
        wilson_interval(1.2, 10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9, "9"),
        (950, "950"),
        (999.6, "1.00 k"),
        (12_345, "12.3 k"),
        (999_600, "1.00 M"),
        (3e6, "3.00 M"),
    ],
)
def test_sizes_have_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert si(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.04, "2.0 s"), (65, "1 min 05 s"), (3599.7, "1 h 00 min"), (float("nan"), "–")]
)
def test_times_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_pauses_of_an_interrupted_run_are_no_wall_clock_time() -> None:
    networks = architectures(search_file(), 3)
    found = [replace(candidate(network, 0), seconds=10.0, cpu_seconds=9.0) for network in networks]
    starts = ["2025-01-01T00:00:00.000Z", "2025-01-01T00:00:05.000Z", "2025-01-02T00:00:00.000Z"]
    attempts = [(one.key, at) for one, at in zip(found, starts, strict=True)]
    result = timing(attempts, {one.key: one for one in found})
    assert result.wall_s == pytest.approx(25)  # two that overlap by 5 s, then one a day later
    assert result.core_s == pytest.approx(27)
    assert result.pauses == 1
    assert result.lost_attempts == 0


def test_a_training_that_never_ended_is_a_lost_attempt() -> None:
    (network,) = architectures(search_file(), 1)
    one = candidate(network, 0)
    attempts = [
        (one.key, "2025-01-01T00:00:00.000Z"),
        (one.key, "2025-01-01T00:00:09.000Z"),
        ("gone", "2025-01-01"),
    ]
    assert timing(attempts, {one.key: one}).lost_attempts == 2


def test_the_words_of_an_architecture_name_every_stage_and_branch() -> None:
    network = next(one for one in architectures(search_file(), 20) if one.exits and one.exits[0].modules)
    lines = network.drawing().lines()
    assert [line.split(":")[0] for line in lines[1:]] == [stage.name for stage in network.stages]
    assert f"exit {network.exits[0].modules[0].type}" in lines[1]


def test_different_architectures_have_different_words() -> None:
    networks = architectures(search_file(), 60)
    assert len({tuple(one.drawing().lines()) for one in networks}) == 60


def test_the_front_without_generations_is_that_of_the_finished_candidates(tmp_path: Path) -> None:
    config = search_file()
    found = evaluations(config, 8)
    run = read_run(store_of(tmp_path / "run", config, found, status=RunStatus.RUNNING))
    known = {one.key: one for one in found}
    everyone = [
        individual((), share, one, goals_of(config))
        for one in found
        for share in config.search.budget_fractions
    ]
    expected = {
        (point.key, known[point.key].point_index(point.budget_fraction))
        for point in pareto_front(everyone, known)
    }
    assert {(point.key, point.index) for point in run.front} == expected


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    config = search_file()
    return store_of(tmp_path / "run", config, evaluations(config, 60, seed=500), [60])


def printed(store: RunStore, max_rows: int = 20, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(front_table(store, max_rows, width))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_table_has_one_line_per_point_on_a_narrow_terminal(store: RunStore) -> None:
    run = read_run(store)
    text = printed(store)
    lines = [line for line in text.splitlines() if "%" in line and "exits" not in line]
    assert len(lines) == len(run.front)
    assert [line.split()[-1] for line in lines] == [point.key for point in run.front]
    assert "test data were not read" in " ".join(text.split())


@pytest.fixture
def uneven(tmp_path: Path) -> RunStore:
    """A run with a column more: epochs."""
    config = search_file("evaluation.fidelities=[inherited, {trained: 30, keep: 3}]")
    found = [replace(one, epochs=30) for one in evaluations(config, 60, seed=500)]
    return store_of(tmp_path / "uneven", config, found, [60])


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(120, ""), (80, "(95%)"), (60, "(95%), params, worst"), (45, "(95%), params, worst, share, exits %")],
)
def test_a_narrow_terminal_shows_fewer_columns_and_says_which(
    uneven: RunStore, width: int, left_out: str
) -> None:
    every = ["accuracy", "(95%)", "MACs", "share", "worst", "params", "exits %", "epochs", "key"]
    text = printed(uneven, width=width)
    head = next(line for line in text.splitlines() if line.strip().startswith("accuracy"))
    assert head.split() == " ".join(name for name in every if name not in left_out.split(", ")).split()
    output = f"Columns that do not fit here: {left_out}."
    assert (output in " ".join(text.split())) == bool(left_out)


@pytest.mark.parametrize("width", [120, 80, 60, 30])
def test_no_terminal_cuts_a_number_or_a_key(uneven: RunStore, width: int) -> None:
    text = printed(uneven, width=width)
    assert "…" not in text
    for point in read_run(uneven).front:
        (line,) = [line for line in text.splitlines() if f"{point.accuracy:.2%}" in line]
        assert line.split()[-1] == point.key


def test_a_long_front_is_thinned_with_a_note(store: RunStore) -> None:
    front = read_run(store).front
    assert len(front) > 3
    text = printed(store, max_rows=3)
    assert f"3 of {len(front)} points" in text
    assert thinned(front, 3)[0] is front[0]
    assert thinned(front, 3)[-1] is front[-1]


def test_an_empty_front_says_why(tmp_path: Path) -> None:
    config = search_file("constraints.accuracy.min=0.9999")
    assert "no candidate satisfies all constraints" in printed(
        store_of(tmp_path / "a", config, evaluations(config, 3))
    )
    assert "no candidate has finished" in printed(store_of(tmp_path / "b", config, []))
