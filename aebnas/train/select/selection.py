"""Which network of a run is trained in full: ``knee``, ``best``, ``macs:5e6`` or a key.

Must not import torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aebnas.config.choices import did_you_mean
from aebnas.errors import ConfigError, RunError
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, metric_value
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.task.metrics.table import metric_of

WORDS = ("knee", "best")
KEY = re.compile(r"[0-9a-f]{4,16}")
"""A key or the beginning of one; shorter ones could be words."""


def selected(run: RunContents, pick: str) -> OperatingPoint:
    """Return the operating point that a user means.

    Args:
        run: With at least one finished candidate.
        pick: ``knee``: the point of the front farthest above the chord between its ends, accuracy and
            cost scaled to 0..1.  ``best``: the most accurate.  ``METRIC:BOUND``: the most accurate
            feasible point of all candidates with at most so much, of a top-k candidate before that of an
            inherited subnet
            where top-k candidates hold the front.  Else a key, or the beginning of one: its most accurate
            point on the front, or of all its points where it has none there.

    Raises:
        ConfigError: The word, the quantity or the bound is none.
        RunError: There is no such network, or no point within the bound.
    """
    metric, colon, bound = pick.rpartition(":")
    if colon:
        return _within(run, metric, bound, pick)
    if pick in WORDS:
        if not run.front:
            raise _nothing(run, pick)
        return knee(run.front, cost_axis(run)) if pick == "knee" else _best(run.front, cost_axis(run))
    if KEY.fullmatch(pick):
        return _of_key(run, full_key(run, pick))
    near = did_you_mean(pick, [*WORDS, *(f"{name}:BOUND" for name in bounded_metrics(run))])
    raise ConfigError(
        f"--pick {pick}: {near}Choices: {', '.join(WORDS)}, METRIC:BOUND as in macs:5e6 "
        f"({', '.join(bounded_metrics(run))}), or the key of a network (4 digits at least)"
    )


def knee(points: Sequence[OperatingPoint], axis: str) -> OperatingPoint:
    """Return the point farthest above the chord between the cheapest and the most accurate.

    Of equal distances, the more accurate.  With fewer than three points, the most accurate.

    Args:
        points: At least one.
        axis: The metric that is the cost.
    """
    cost = np.array([point.metrics[axis] for point in points])
    accuracy = np.array([point.accuracy for point in points])
    spans = np.ptp(cost), np.ptp(accuracy)
    if len(points) < 3 or not all(spans):
        return _best(points, axis)
    height = (accuracy - accuracy.min()) / spans[1] - (cost - cost.min()) / spans[0]
    near = np.flatnonzero(height >= height.max() - 1e-12)
    return points[int(near[accuracy[near].argmax()])]


def cost_axis(run: RunContents) -> str:
    """Return the cost of a run's front: its first objective that training does not decide."""
    return next((name for name in run.objectives if not metric_of(name).is_learned), "macs")


def bounded_metrics(run: RunContents) -> list[str]:
    """Return the quantities that a bound can be put on; empty where nothing has finished."""
    metrics = run.points[0].metrics if run.points else ()
    return [name for name in metrics if metric_of(name).highest is None and name != "error"]


def full_key(run: RunContents, beginning: str) -> str:
    """Return the key of the finished network that begins so.

    Raises:
        RunError: None does, or several do, or it failed.
    """
    done = [evaluation.key for evaluation in run.done]
    matches = [key for key in done if key.startswith(beginning)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RunError(
            f"{count(len(matches), 'network')} of {run.path} begin with {beginning}: {_some(matches)}"
        )
    for failure in run.failed:
        if failure.key.startswith(beginning):
            raise RunError(
                f"candidate {failure.key} {failure.status_text}. Networks that finished: {_some(done)}"
            )
    near = did_you_mean(beginning, done)
    front = list(run.front_keys) or done
    raise RunError(f"{run.path} has no network {beginning}. {near}On its front: {_some(front)}")


def points_of(run: RunContents, key: str) -> list[OperatingPoint]:
    """Return a network's points on the front by rising cost; all its points where it has none there."""
    on_front = [point for point in run.front if point.key == key]
    return on_front or [point for point in run.points if point.key == key]


def _of_key(run: RunContents, key: str) -> OperatingPoint:
    return _best(points_of(run, key), cost_axis(run))


def _best(points: Sequence[OperatingPoint], axis: str) -> OperatingPoint:
    return min(points, key=lambda point: (-point.accuracy, point.metrics[axis], point.key))


def _within(run: RunContents, metric: str, bound: str, pick: str) -> OperatingPoint:
    metrics = bounded_metrics(run)
    if not metrics:
        raise RunError(f"{run.path} has no finished network")
    if metric not in metrics:
        raise ConfigError(
            f"--pick {pick}: unknown quantity {metric!r}. {did_you_mean(metric, metrics)}"
            f"Choices: {', '.join(metrics)}."
        )
    limit = _number(bound, pick)
    feasible = [point for point in run.points if point.is_feasible]
    if not feasible:
        raise _nothing(run, pick)
    within = [point for point in feasible if point.metrics[metric] <= limit]
    # once the best are trained, those: else the luckiest of many
    within = [point for point in within if run.can_be_on_front(point.evaluation)] or within
    if not within:
        least = min(point.metrics[metric] for point in feasible)
        raise RunError(
            f"--pick {pick}: none of {count(len(feasible), 'feasible point')} of {run.path} is within "
            f"{metric_value(metric, limit)}; the least is {metric_value(metric, least)}: "
            f"{metric}:{_rounded_up(least)}"
        )
    return _best(within, metric)


def _nothing(run: RunContents, pick: str) -> RunError:
    return RunError(
        f"the front of {run.path} is empty: --pick {pick} has nothing to choose from. Its "
        f"{count(len(run.done), 'finished network')} can be named by key; the keys stand in the candidates' "
        f"table of {Path(run.path) / 'report.html'}, which aebnas report {run.path} writes, and in "
        f'aebnas.load_run("{run.path}").to_frame()'
    )


def _rounded_up(value: float) -> str:
    """Return a bound of six digits that still admits a value."""
    text = f"{value:.6g}"
    return text if float(text) >= value else f"{value * (1 + 1e-5):.6g}"


def _number(text: str, pick: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(
            f"--pick {pick}: the bound must be a number above 0, as in macs:5e6, but got {text!r}"
        )
    return value


def _some(keys: Sequence[str]) -> str:
    shown = ", ".join(keys[:10])
    return shown if len(keys) <= 10 else f"{shown} and {len(keys) - 10} more"
