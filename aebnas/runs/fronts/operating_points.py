"""Operating points of a run: each trained network at the choices that its run offers, and the front of them.

Must not import torch.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aebnas.config import SearchFile
from aebnas.errors import RunError
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import goals_of
from aebnas.exits.core.threshold_codec import decode_thresholds
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.runs.fronts.individuals import individual, metrics_at, pareto_front, violations_of
from aebnas.runs.soundness import check_policy


class PointName(NamedTuple):
    """What an operating point is found by: a candidate, and the choices at which it is used."""

    key: str
    budget_fraction: float
    setting: str = ""


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """One trained network at one point of its operating curve, scored on select."""

    evaluation: Evaluation
    curve: OperatingCurve
    budget_fraction: float
    index: int
    """Of the curve's points."""
    metrics: Mapping[str, float]
    is_feasible: bool
    violation: float
    """How far all constraints together are missed, each as a share of its limit; 0 where they hold."""
    setting: str = ""
    """Of the exit policy, where it is a gene."""

    @property
    def key(self) -> str:
        """Return the architecture's key."""
        return self.evaluation.key

    @property
    def accuracy(self) -> float:
        """Return the share of right answers on select."""
        return self.metrics["accuracy"]

    @property
    def cost_share(self) -> float:
        """Return the expected cost, in what the exits trade, as a share of the network's own full cost."""
        return float(self.curve.select_cost[self.index] / self.curve.reach_cost[-1])

    @property
    def exit_rates(self) -> list[float]:
        """Return the share of select images that leave at each exit."""
        rates: list[float] = self.curve.exit_rates[self.index].tolist()
        return rates

    @property
    def policy(self) -> Mapping[str, Any]:
        """Return what decides, as ``policy_from_dict`` reads it."""
        return self.curve.policies[self.index].to_dict()

    @property
    def thresholds(self) -> list[float] | None:
        """Return the threshold of every exit but the last; None where the policy is no thresholds."""
        policy = self.policy
        return decode_thresholds(policy["thresholds"]) if policy["policy"] == "threshold" else None


def operating_points(
    config: SearchFile,
    plan: Plan,
    evaluations: Sequence[Evaluation],
    generations: Sequence[Mapping[str, Any]],
    path: Path,
    level: int,
) -> tuple[tuple[OperatingPoint, ...], tuple[OperatingPoint, ...]]:
    """Return all operating points of a run, and those of its front by rising cost.

    Args:
        config: Of the run.
        plan: Its fidelities.
        evaluations: What each candidate counts with.
        generations: Summaries of its generations; empty: the front is computed from the evaluations.
        path: Of the run, for messages.
        level: Of the plan, below which no candidate is on a computed front, unless none stands higher.

    Raises:
        RunError: The stored front names a candidate that the run does not hold, or a policy is damaged.
    """
    goals = goals_of(config)
    finished = {evaluation.key: evaluation for evaluation in evaluations if evaluation.is_done}
    everything = [
        PointName(key, budget_fraction, setting)
        for key in finished
        for setting in config.settings
        for budget_fraction in config.budget_fractions
    ]
    if generations:
        on_front = _stored_front(generations[-1], finished, path)
    else:  # killed in its first generation, or rescored
        on_front = _computed_front(everything, finished, goals, plan, level)
    # the front first: of choices that lead to the same point it names the one the search kept
    points: dict[tuple[str, int], OperatingPoint] = {}
    for name in (*on_front, *everything):
        point = _point(finished[name.key], name, goals)
        points.setdefault((name.key, point.index), point)
    front = [
        points[name.key, finished[name.key].point_index(name.budget_fraction, name.setting)]
        for name in on_front
    ]
    front.sort(key=lambda point: (point.metrics[config.cost_metric], -point.accuracy, point.key))
    for point in front:
        check_policy(point.policy, point.key, len(point.evaluation.reach_macs), path)
    return tuple(points.values()), tuple(front)


def _stored_front(
    generation: Mapping[str, Any], finished: Mapping[str, Evaluation], path: Path
) -> list[PointName]:
    """Return the front that a summary names.

    Raises:
        RunError: It names a candidate that the run does not hold.
    """
    names = [
        PointName(str(entry[0]), float(entry[1]), *map(str, entry[2:3])) for entry in generation["front"]
    ]
    lost = [name.key for name in names if name.key not in finished]
    if lost:
        raise RunError(
            f"{path} is damaged: its front names {lost[0]}, which it does not hold. Restore it from a copy, "
            f"or let the search make it again: aebnas resume {shlex.quote(str(path))}"
        )
    return names


def _computed_front(
    names: Sequence[PointName], finished: dict[str, Evaluation], goals: Goals, plan: Plan, level: int
) -> list[PointName]:
    """Return the front of all points; of those at a level or above it, where there are any."""
    individuals = [
        individual((), name.budget_fraction, finished[name.key], goals, name.setting) for name in names
    ]
    high = [member for member in individuals if plan.named(finished[member.key].fidelity).level >= level]
    front = pareto_front(high, finished) or pareto_front(individuals, finished)
    return [PointName(point.key, point.budget_fraction, point.setting) for point in front]


def _point(evaluation: Evaluation, name: PointName, goals: Goals) -> OperatingPoint:
    curve = evaluation.curve
    if curve is None:
        raise RunError(f"candidate {evaluation.key} is done but has no operating curve")
    choice = (name.budget_fraction, name.setting)
    missed = [max(0.0, violation) for violation in violations_of(metrics_at(evaluation, *choice), goals)]
    return OperatingPoint(
        evaluation=evaluation,
        curve=curve,
        budget_fraction=name.budget_fraction,
        setting=name.setting,
        index=evaluation.point_index(*choice),
        metrics=evaluation.metrics(*choice),
        is_feasible=not any(missed),
        violation=sum(missed),
    )
