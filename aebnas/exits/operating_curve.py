"""The operating curve: every worthwhile accuracy-cost point of one trained network.

Policies are fitted on the calibrate split alone and scored on the select split.
Costs carry the unit of the reach cost given (MACs, ms, mJ).

Must not import torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.answers import answer_metrics
from aebnas.exits.core.arrays import FloatArray, IntArray, check_reach_cost
from aebnas.exits.core.outcome import outcomes_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.policy_codec import decode_policies, encode_policies
from aebnas.exits.core.samples import ExitSamples
from aebnas.task.metrics.metric import OfAnswers

_PER_POINT = ("calibrate_accuracy", "calibrate_cost", "select_accuracy", "select_cost", "exit_rates")
_PER_EXIT = ("reach_cost", "exit_accuracy")
_BUDGET_TOLERANCE = 1e-9  # a budget computed as share * cost still admits the point of that cost


@dataclass(frozen=True, eq=False)
class OperatingCurve:
    """P policies of one network with E exits and what each leads to, by increasing ``calibrate_cost``.

    Of one setting of the exit policy a later point is never worth less in the estimate that it was
    fitted with; the plain ``calibrate_accuracy`` may dip between neighbours.

    Attributes:
        policies: What decides at each point.
        calibrate_accuracy: Share of right answers on the split the policies were fitted on, ``(P,)``.
        calibrate_cost: Mean cost of a sample there, ``(P,)``, increasing.
        select_accuracy: Share of right answers on the other split, ``(P,)``: the one to report.
        select_cost: Mean cost of a sample there, ``(P,)``.
        exit_rates: Share of select samples leaving at each exit, ``(P, E)``, rows sum to 1.
        reach_cost: Cost of leaving at each exit, heads tried on the way included, ``(E,)``.
        exit_accuracy: Accuracy of each exit if it answered every select sample, ``(E,)``.
        settings: Of the exit policy, one per point, where the curve joins several; else empty.
        measured: Metrics of the answers to the other split, each ``(P,)``, by name.
    """

    policies: Sequence[ExitPolicy]
    calibrate_accuracy: FloatArray
    calibrate_cost: FloatArray
    select_accuracy: FloatArray
    select_cost: FloatArray
    exit_rates: FloatArray
    reach_cost: FloatArray
    exit_accuracy: FloatArray
    settings: tuple[str, ...] = ()
    measured: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ShapeError: They do not.
            DataError: The points are not sorted, or the reach cost does not increase.
        """
        exits, points = check_reach_cost(self.reach_cost).size, len(self.policies)
        if points == 0:
            raise ShapeError("An operating curve needs at least one point, but got none.")
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_PER_POINT, (points,))
        shapes |= {"exit_rates": (points, exits), "exit_accuracy": (exits,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ShapeError(f"`{name}` must have shape {shape}, but got {getattr(self, name).shape}.")
        for name, values in self.measured.items():
            if values.shape != (points,):
                raise ShapeError(f"`measured` {name} must have shape {(points,)}, but got {values.shape}.")
        if self.settings and len(self.settings) != points:
            raise ShapeError(f"`settings` must name {points} points, but got {len(self.settings)}.")
        if self.policies[0].exits != exits:
            raise ShapeError(f"Policies of {exits} exits are needed, but got {self.policies[0].exits}.")
        if (np.diff(self.calibrate_cost) < 0).any():
            raise DataError("The points of an operating curve must be sorted by `calibrate_cost`.")

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.policies)

    def index_within(self, budget: float, setting: str = "") -> int:
        """Return the index of the best point within a mean cost per sample.

        Best on calibrate in the estimate that it was fitted with; select is never looked at.  When
        nothing is within the budget: the cheapest point.

        Args:
            budget: Mean cost of a sample, in the unit of the reach cost.
            setting: Of the policy, where the curve has several: its points alone count; ``""``: all,
                and of several settings the most accurate on calibrate.

        Raises:
            DataError: The budget is NaN, or no point has the setting.
        """
        if np.isnan(budget):
            raise DataError("The budget must be a number, but got NaN.")
        limit = budget + abs(budget) * _BUDGET_TOLERANCE
        own = self._points(setting)
        within = max(1, int(np.searchsorted(self.calibrate_cost[own], limit, side="right")))
        is_any = self.settings and not setting
        return int(own[self.calibrate_accuracy[:within].argmax() if is_any else within - 1])

    def _points(self, setting: str) -> IntArray:
        """Return the indices of a setting's points; ``""``: of all.

        Raises:
            DataError: There are none.
        """
        if not setting:
            return np.arange(len(self))
        own = np.flatnonzero(np.array(self.settings) == setting)
        if not own.size:
            choices = ", ".join(dict.fromkeys(self.settings))
            raise DataError(f"Unknown setting {setting!r} of the exit policy. Choices: {choices or 'none'}.")
        return own

    def area(self) -> float:
        """Return the select accuracy averaged over all budgets from the first to the last exit's cost.

        Each budget is answered by ``index_within``; budgets below the cheapest point count 0.
        Between 0 and 1; with one exit, its accuracy.  With several settings: of the best one.
        """
        return max(self._area(self._points(setting)) for setting in dict.fromkeys(self.settings or ("",)))

    def _area(self, points: IntArray) -> float:
        span = self.reach_cost[-1] - self.reach_cost[0]
        if span == 0:
            return float(self.select_accuracy[points[-1]])
        widths = np.diff(np.append(self.calibrate_cost[points], self.reach_cost[-1]))
        return float(self.select_accuracy[points] @ widths / span)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = {"settings": list(self.settings)} if self.settings else {}
        numbers = {name: getattr(self, name).tolist() for name in (*_PER_POINT, *_PER_EXIT)}
        if self.measured:
            numbers["measured"] = {name: values.tolist() for name, values in self.measured.items()}
        return {"policies": encode_policies(self.policies), **names, **numbers}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OperatingCurve":
        """Return the curve that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or no list of numbers.
            ShapeError: The fields do not fit together.
        """
        names = (*_PER_POINT, *_PER_EXIT)
        missing = [name for name in ("policies", *names) if name not in data]
        if missing:
            raise DataError(f"Not an operating curve: {', '.join(missing)} missing.")
        try:
            arrays: dict[str, Any] = {name: np.array(data[name], np.float64) for name in names}
            measured = {
                name: np.array(values, np.float64) for name, values in data.get("measured", {}).items()
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise DataError(f"Not an operating curve: {error}.") from error
        settings = tuple(data.get("settings", ()))
        return cls(decode_policies(data["policies"]), **arrays, settings=settings, measured=measured)


def operating_curve(
    policies: Sequence[ExitPolicy],
    calibrate: ExitSamples,
    select: ExitSamples,
    metrics: Mapping[str, OfAnswers] = MappingProxyType({}),
) -> OperatingCurve:
    """Return fitted policies as points, by rising cost on calibrate.

    Args:
        policies: At least one.
        calibrate: What they were fitted on.
        select: Disjoint samples.
        metrics: Computed from the answers to ``select`` at every point, by name.
    """
    seen = outcomes_of(policies, calibrate)
    order = np.lexsort([seen.accuracy, seen.cost])
    ordered = [policies[i] for i in order]
    unseen = outcomes_of(ordered, select)
    return OperatingCurve(
        policies=ordered,
        calibrate_accuracy=seen.accuracy[order],
        calibrate_cost=seen.cost[order],
        select_accuracy=unseen.accuracy,
        select_cost=unseen.cost,
        exit_rates=unseen.exit_rates,
        reach_cost=select.reach_cost,
        exit_accuracy=select.correct.mean(axis=0),
        measured=answer_metrics(ordered, select, metrics),
    )


def joined_curves(curves: Mapping[str, OperatingCurve]) -> OperatingCurve:
    """Return the curves of several settings of the exit policy, of one network, as one.

    Args:
        curves: By setting, at least one.
    """
    cost = np.concatenate([curve.calibrate_cost for curve in curves.values()])
    order = np.argsort(cost, kind="stable")
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(curve, name) for curve in curves.values()])[order]
        for name in _PER_POINT
    }
    first = next(iter(curves.values()))
    arrays |= {name: getattr(first, name) for name in _PER_EXIT}
    arrays["measured"] = {
        name: np.concatenate([curve.measured[name] for curve in curves.values()])[order]
        for name in first.measured
    }
    points = [(name, policy) for name, curve in curves.items() for policy in curve.policies]
    settings = tuple(points[i][0] for i in order)
    return OperatingCurve([points[i][1] for i in order], **arrays, settings=settings)
