"""Networks with exits beside static ones: what exits gained, said first, and said where it is nothing."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium, chromium_path
from rich.console import Console
from static_runs import answered, networks, right_of, run_of

from aebnas.cli.views.front import print_front
from aebnas.exits.quality.comparison import paired_interval
from aebnas.report import write_report
from aebnas.report.text.static_text import format_gain, plain_comparison
from aebnas.runs.frame import load_run
from aebnas.runs.reading import read_run
from aebnas.runs.static.curve import StaticCurve, accuracy_of
from aebnas.runs.static.gain import StaticComparison, static_comparison
from aebnas.runs.static.networks import Kind, StaticNetwork, static_networks
from aebnas.runs.store.store import RunStore


@pytest.fixture
def gaining(tmp_path: Path) -> RunStore:
    """A run whose one early exit knows what it knows, and whose network without exits is worse."""
    (with_exit,), (plain,) = networks(1, 1), networks(1, 0)
    outcomes = [answered(with_exit, (0.7, 0.95), 1.0), answered(plain, (0.6,), 0.0, seed=1)]
    return run_of(tmp_path / "gaining", outcomes)


@pytest.fixture
def losing(tmp_path: Path) -> RunStore:
    """A run whose early exit is most confident where it is wrong."""
    (with_exit,) = networks(1, 1)
    return run_of(tmp_path / "losing", [answered(with_exit, (0.2, 0.95), -1.0)])


def compared(store: RunStore) -> StaticComparison:
    comparison = static_comparison(read_run(store), store)
    assert comparison is not None
    return comparison


def network(cost: float, accuracy: float) -> StaticNetwork:
    (one,) = networks(1, 0)
    return StaticNetwork(Kind.ALONE, (answered(one, (accuracy,), 0).evaluation,), 0, accuracy, {"macs": cost})


def test_a_network_cut_short_does_without_the_earlier_heads() -> None:
    (architecture,) = networks(1, 1)
    evaluation = answered(architecture, (0.7, 0.9), 1.0).evaluation
    first, last = static_networks([evaluation], "macs")
    assert first.costs["macs"] == evaluation.reach_macs[0]
    assert last.costs["macs"] < evaluation.reach_macs[1]
    assert [first.accuracy, last.accuracy] == list(evaluation.curve.exit_accuracy)  # type: ignore[union-attr]


def test_between_two_static_networks_the_curve_mixes_them() -> None:
    cheap, middling, expensive = network(100, 0.5), network(150, 0.52), network(200, 0.9)
    curve = StaticCurve.of([cheap, middling, expensive], "macs")
    assert curve.corners == (cheap, expensive)
    assert accuracy_of(curve.at(150)) == pytest.approx(0.7)
    assert accuracy_of(curve.at(1000)) == 0.9
    assert curve.at(99) == ()


def test_a_gain_is_counted_on_the_same_images_and_at_the_same_cost(gaining: RunStore) -> None:
    comparison = compared(gaining)
    gain = comparison.at_equal_cost
    assert gain is not None
    assert gain.interval is not None
    mixed = sum(share * baseline.costs["macs"] for baseline, share in gain.baselines)
    assert mixed <= gain.point.metrics["macs"] * (1 + 1e-9)
    assert gain.accuracy == pytest.approx(gain.point.accuracy - accuracy_of(gain.baselines))
    assert 0 < gain.interval[0] < gain.accuracy < gain.interval[1]
    assert not gain.may_be_chance


def test_the_interval_of_a_mixture_is_that_of_drawing_images_again() -> None:
    outcome = answered(networks(1, 1)[0], (0.7, 0.95), 1.0)
    early, late = right_of(outcome, 0).astype(float), right_of(outcome, 1).astype(float)
    difference = late - (0.3 * early + 0.7 * np.roll(late, 7))
    rng = np.random.default_rng(0)
    means = difference[rng.integers(0, len(difference), (4000, len(difference)))].mean(axis=1)
    assert paired_interval(difference) == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.003)


def test_what_is_as_accurate_says_what_it_saves(gaining: RunStore) -> None:
    comparison = compared(gaining)
    assert comparison.saving is not None
    assert 0 < comparison.saving < 1
    assert "as accurate as the best static network" in format_gain(comparison)


def test_exits_that_gain_nothing_are_said_to(losing: RunStore) -> None:
    assert format_gain(compared(losing)).startswith("Exits gained nothing: at no point of the front")
    assert "all static networks are cut short" in format_gain(compared(losing))


def test_a_gain_within_chance_is_called_so(tmp_path: Path) -> None:
    (with_exit,) = networks(1, 1)
    store = run_of(tmp_path / "run", [answered(with_exit, (0.2, 0.95), 0.0)])  # confidence says nothing
    assert "which may be chance" in format_gain(compared(store))


def test_a_front_without_exits_gains_nothing(tmp_path: Path) -> None:
    store = run_of(tmp_path / "run", [answered(networks(1, 0)[0], (0.6,), 0.0)])
    assert format_gain(compared(store)) == (
        "Exits gained nothing: no network with early exits is on the front."
    )


def test_answers_that_were_not_kept_leave_the_interval_out(gaining: RunStore, tmp_path: Path) -> None:
    (with_exit,) = networks(1, 1)
    outcome = answered(with_exit, (0.7, 0.95), 1.0)
    store = run_of(tmp_path / "run", [outcome])
    (store.path / "labels.npz").unlink()
    gain = compared(store).at_equal_cost
    assert gain is not None
    assert gain.interval is None
    assert "95%" not in format_gain(compared(store))


def test_the_page_begins_with_the_gain(gaining: RunStore, tmp_path: Path) -> None:
    page = write_report([gaining], tmp_path).page.read_text(encoding="utf-8")
    first = page.split("</h1>")[1].split("</p>")[0]
    assert "Exits gained" in first
    assert "points of accuracy over the best static networks at equal average cost" in first
    assert "both accuracies are optimistic" in page


def test_the_terminal_begins_with_the_gain_and_lists_static_networks(gaining: RunStore) -> None:
    console = Console(width=110, record=True, file=StringIO())
    run = read_run(gaining)
    print_front(console, run, static_comparison(run, gaining))
    text = console.export_text()
    assert text.startswith("Exits gained")
    assert "cut short behind stage1" in text
    assert "optimistic" in text


def test_the_gain_is_plain_values(gaining: RunStore) -> None:
    plain = json.loads(json.dumps(plain_comparison(compared(gaining))))
    assert plain["text"].startswith("Exits gained")
    assert {one["kind"] for one in plain["static"]} <= {"alone", "cut_short"}
    assert sum(one["share"] for one in plain["at_equal_cost"]["static"]) == pytest.approx(1)


@pytest.mark.skipif(chromium_path() is None, reason="no chromium or google-chrome on the PATH")
def test_kinds_of_static_networks_differ_in_shape_not_in_colour(gaining: RunStore, tmp_path: Path) -> None:
    page = write_report([gaining], tmp_path).page
    program = chromium_path()
    assert program is not None
    browser = Chromium(program)
    try:
        browser.open(page)
        marks = "[...document.querySelectorAll('.legend path.static')]"
        shapes = browser.value(f"{marks}.map((mark) => mark.getAttribute('d'))")
        colours = browser.value(f"{marks}.map((mark) => getComputedStyle(mark).stroke)")
        drawn = browser.value("document.querySelectorAll('.canvas path.static').length")
        assert browser.problems == []
    finally:
        browser.close()
    assert len(set(shapes)) == len(shapes) > 0
    assert len(set(colours)) == 1
    assert drawn >= len(shapes)


def test_a_loaded_run_says_the_same(gaining: RunStore) -> None:
    gain = load_run(gaining.path).exits_gain()
    assert plain_comparison(gain) == plain_comparison(compared(gaining))
