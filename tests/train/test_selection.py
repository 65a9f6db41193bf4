"""Picking a network of a run."""

from types import SimpleNamespace
from typing import Any

import pytest

from aebnas.errors import ConfigError, RunError
from aebnas.train.select.selection import full_key, knee, selected


def point(accuracy: float, macs: float, key: str = "a" * 16, is_feasible: bool = True) -> Any:
    metrics = {"accuracy": accuracy, "error": 1 - accuracy, "macs": macs, "worst_macs": 2 * macs}
    measured = {"accuracy": accuracy, "metrics": metrics, "is_feasible": is_feasible}
    return SimpleNamespace(key=key, evaluation=None, **measured)


FRONT = [point(0.80, 1e6), point(0.94, 2e6, "b" * 16), point(0.95, 6e6), point(0.96, 9e6)]


def run(
    front: list[Any], points: list[Any] | None = None, keys: tuple[str, ...] = ("a" * 16, "ab" * 8)
) -> Any:
    done = tuple(SimpleNamespace(key=key) for key in keys)
    failed = (SimpleNamespace(key="f" * 16, status_text="failed: out of memory"),)
    return SimpleNamespace(
        front=front,
        points=front if points is None else points,
        done=done,
        failed=failed,
        path="runs/x",
        front_keys=keys,
        objectives=("error", "macs"),
        can_be_on_front=lambda evaluation: True,
    )


def test_the_knee_is_farthest_above_the_chord() -> None:
    assert knee(FRONT, "macs") is FRONT[1]


def test_the_knee_does_not_depend_on_units() -> None:
    scaled = [point(one.accuracy, one.metrics["macs"] * 1e-6) for one in FRONT]
    assert knee(scaled, "macs") is scaled[1]


@pytest.mark.parametrize("front", [FRONT[:1], FRONT[:2], [point(0.9, 1e6), point(0.9, 2e6), point(0.9, 3e6)]])
def test_without_a_bend_the_most_accurate_and_then_the_cheapest_is_taken(front: list[Any]) -> None:
    most = max(one.accuracy for one in front)
    assert knee(front, "macs") is next(one for one in front if one.accuracy == most)


def test_a_bound_takes_the_most_accurate_within_it() -> None:
    assert selected(run(FRONT), "macs:6e6") is FRONT[2]
    assert selected(run(FRONT), "worst_macs:4e6") is FRONT[1]


def test_a_bound_looks_at_feasible_points_beyond_the_front() -> None:
    points = [*FRONT, point(0.99, 1e6, is_feasible=False), point(0.945, 2e6)]
    assert selected(run(FRONT, points), "macs:2e6") is points[-1]


def test_a_bound_that_nothing_keeps_is_told_with_the_least() -> None:
    with pytest.raises(RunError, match=r"within 10; the least is 1.00.M: macs:1e\+06"):
        selected(run(FRONT), "macs:10")


@pytest.mark.parametrize("macs", [97476.92715, 41552.0, 1234567.4])
def test_the_bound_that_is_named_instead_can_be_kept(macs: float) -> None:
    one = run([point(0.9, macs)])
    with pytest.raises(RunError) as caught:
        selected(one, "macs:10")
    assert selected(one, str(caught.value).split(": ")[-1]) is one.points[0]


def test_without_a_feasible_point_a_bound_says_how_to_go_on() -> None:
    where = r'2 finished networks can be named by key.*runs/x/report.html.*aebnas.load_run\("runs/x"\)'
    with pytest.raises(RunError, match=f"front of runs/x is empty.*{where}"):
        selected(run([], [point(0.9, 1e6, is_feasible=False)]), "macs:2e6")


def test_an_empty_front_has_no_knee() -> None:
    with pytest.raises(RunError, match="front of runs/x is empty"):
        selected(run([]), "knee")


def test_the_beginning_of_several_keys_names_them() -> None:
    with pytest.raises(RunError, match=r"2 networks of runs/x begin with aaaa: a{16}, aaaab"):
        full_key(run(FRONT, keys=("a" * 16, "aaaab" + "b" * 11)), "aaaa")


def test_a_failed_candidate_is_told_with_its_reason() -> None:
    with pytest.raises(RunError, match="failed: out of memory"):
        selected(run(FRONT), "ffff")


def test_accuracy_is_no_cost_to_bound() -> None:
    with pytest.raises(ConfigError, match="unknown quantity 'accuracy'"):
        selected(run(FRONT), "accuracy:0.9")
