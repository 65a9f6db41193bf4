"""The operating curve: every worthwhile accuracy-cost point of one trained network.

Thresholds are tuned on the calibrate split alone and scored on the select split.
Costs carry the unit of the reach cost given (MACs, ms, mJ).

Must not import torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError
from aebnas.exits.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    ScoreArray,
    check_reach_cost,
    check_samples,
    check_thresholds,
)
from aebnas.exits.front import ScoredThresholds, thin
from aebnas.exits.optuna_tuner import tune_with_optuna
from aebnas.exits.outcome import apply_thresholds
from aebnas.exits.smoothing import smoothed_correctness
from aebnas.exits.threshold_codec import decode_thresholds, encode_thresholds
from aebnas.exits.threshold_tuner import tuned_front

_PER_POINT = ("calibrate_accuracy", "calibrate_cost", "select_accuracy", "select_cost", "exit_rates")
_PER_EXIT = ("reach_cost", "exit_accuracy")
_BUDGET_TOLERANCE = 1e-9  # a budget computed as share * cost still admits the point of that cost


@dataclass(frozen=True, eq=False)
class OperatingCurve:
    """P operating points of one network with E exits, by increasing ``calibrate_cost``.

    A later point is never worth less in the tuner's estimate, which is smoothed: the plain
    ``calibrate_accuracy`` may dip between neighbours.

    What a point does is told by ``thresholds`` on the run's score, or by a policy of any kind in
    ``policies``; one of the two is given.

    Attributes:
        thresholds: Shape ``(P, E - 1)``; ``+inf`` = exit disabled, ``-inf`` = all leave; or None.
        calibrate_accuracy: Share of right answers on the split the thresholds were tuned on, ``(P,)``.
        calibrate_cost: Mean cost of a sample there, ``(P,)``, increasing.
        select_accuracy: Share of right answers on the other split, ``(P,)``: the one to report.
        select_cost: Mean cost of a sample there, ``(P,)``.
        exit_rates: Share of select samples leaving at each exit, ``(P, E)``, rows sum to 1.
        reach_cost: Cost of leaving at each exit, heads tried on the way included, ``(E,)``.
        exit_accuracy: Accuracy of each exit if it answered every select sample, ``(E,)``.
        policies: One per point, as ``ExitPolicy.to_dict`` writes it; or None.
        settings: Of the exit policy, one per point, where the curve joins several; or None.
    """

    thresholds: FloatArray | None
    calibrate_accuracy: FloatArray
    calibrate_cost: FloatArray
    select_accuracy: FloatArray
    select_cost: FloatArray
    exit_rates: FloatArray
    reach_cost: FloatArray
    exit_accuracy: FloatArray
    policies: tuple[Mapping[str, Any], ...] | None = None
    settings: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check that the arrays fit together.

        Raises:
            ShapeError: They do not.
            DataError: The points are not sorted, or the reach cost does not increase.
        """
        exits = check_reach_cost(self.reach_cost).size
        points = self._points(exits)
        wanted: dict[str, tuple[int, ...]] = dict.fromkeys(_PER_POINT, (points,))
        wanted |= {"exit_rates": (points, exits), "exit_accuracy": (exits,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ShapeError(f"`{name}` must have shape {shape}, but got {getattr(self, name).shape}.")
        if self.settings is not None and len(self.settings) != points:
            raise ShapeError(f"`settings` must name {points} points, but got {len(self.settings)}.")
        if points == 0:
            raise ShapeError("An operating curve needs at least one point, but got none.")
        if (np.diff(self.calibrate_cost) < 0).any():
            raise DataError("The points of an operating curve must be sorted by `calibrate_cost`.")

    def _points(self, exits: int) -> int:
        """Return the number of points, from what describes them."""
        if (self.thresholds is None) == (self.policies is None):
            raise ShapeError("An operating curve needs thresholds or policies, and not both.")
        if self.thresholds is not None:
            return len(check_thresholds(self.thresholds, exits))
        return len(self.policies or ())

    def policy(self, index: int, score: str) -> Mapping[str, Any]:
        """Return what decides at one point, as ``policy_from_dict`` reads it.

        Args:
            index: Of the point.
            score: The run's, which ``thresholds`` are compared with.
        """
        if self.policies is not None:
            return self.policies[index]
        vector = () if self.thresholds is None else self.thresholds[index]
        return {"policy": "threshold", "score": score, "thresholds": encode_thresholds(vector)}

    def index_within(self, budget: float, setting: str = "") -> int:
        """Return the index of the best point within a mean cost per sample.

        Best on calibrate in the tuner's estimate; select is never looked at.  When nothing is
        within the budget: the cheapest point.

        Args:
            budget: Mean cost of a sample, in the unit of the reach cost.
            setting: Of the policy, where the curve has several: its points alone count; ``""``: all.

        Raises:
            DataError: The budget is NaN, or no point has the setting.
        """
        if np.isnan(budget):
            raise DataError("The budget must be a number, but got NaN.")
        limit = budget + abs(budget) * _BUDGET_TOLERANCE
        if self.settings is None:
            return max(0, int(np.searchsorted(self.calibrate_cost, limit, side="right")) - 1)
        if not setting:
            within = int(np.searchsorted(self.calibrate_cost, limit, side="right"))
            return int(self.calibrate_accuracy[: max(within, 1)].argmax())
        own = self._of_setting(setting)
        return int(own[max(0, int(np.searchsorted(self.calibrate_cost[own], limit, side="right")) - 1)])

    def _of_setting(self, setting: str) -> IntArray:
        """Return the indices of a setting's points.

        Raises:
            DataError: There are none.
        """
        own = np.flatnonzero(np.array(self.settings or ()) == setting)
        if not own.size:
            known = ", ".join(dict.fromkeys(self.settings or ()))
            raise DataError(f"Unknown setting {setting!r} of the exit policy. Choices: {known or 'none'}.")
        return own

    def area(self) -> float:
        """Return the select accuracy averaged over all budgets from the first to the last exit's cost.

        Each budget is answered by ``index_within``; budgets below the cheapest point count 0.
        Between 0 and 1; with one exit, its accuracy.  With several settings: of the best one.
        """
        names = dict.fromkeys(self.settings or ())
        parts = [self._of_setting(name) for name in names] or [np.arange(len(self.calibrate_cost))]
        return max(self._area(part) for part in parts)

    def _area(self, points: IntArray) -> float:
        span = self.reach_cost[-1] - self.reach_cost[0]
        if span == 0:
            return float(self.select_accuracy[points[-1]])
        widths = np.diff(np.append(self.calibrate_cost[points], self.reach_cost[-1]))
        return float(self.select_accuracy[points] @ widths / span)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists for JSON; infinite thresholds become words."""
        data: dict[str, Any]
        if self.thresholds is None:
            data = {"policies": [dict(policy) for policy in self.policies or ()]}
        else:
            data = {"thresholds": [encode_thresholds(row) for row in self.thresholds]}
        if self.settings is not None:
            data["settings"] = list(self.settings)
        return data | {name: getattr(self, name).tolist() for name in (*_PER_POINT, *_PER_EXIT)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "OperatingCurve":
        """Return the curve that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or no list of numbers.
            ShapeError: The fields do not fit together.
        """
        names = (*_PER_POINT, *_PER_EXIT)
        missing = [name for name in names if name not in data]
        if missing or not ("thresholds" in data or "policies" in data):
            raise DataError(f"Not an operating curve: {', '.join(missing) or 'thresholds'} missing.")
        try:
            arrays: dict[str, Any] = {name: np.array(data[name], np.float64) for name in names}
        except (TypeError, ValueError) as error:
            raise DataError(f"Not an operating curve: {error}.") from error
        if "thresholds" not in data:
            settings = None if data.get("settings") is None else tuple(data["settings"])
            return cls(thresholds=None, policies=tuple(data["policies"]), settings=settings, **arrays)
        rows = [decode_thresholds(row) for row in data["thresholds"]]
        return cls(thresholds=np.array(rows, np.float64).reshape(len(rows), -1), **arrays)


def operating_curve(
    calibrate_scores: ScoreArray,
    calibrate_correct: BoolArray,
    select_scores: ScoreArray,
    select_correct: BoolArray,
    reach_cost: npt.ArrayLike,
    tuner: str = "exact",
    trials: int = 1000,
    seed: int = 0,
    max_points: int = 400,
) -> OperatingCurve:
    """Tune thresholds on calibrate and score them on select.

    Args:
        calibrate_scores: Shape ``(N, E)``, float32.
        calibrate_correct: Is the answer of exit e right for sample n, shape ``(N, E)``.
        select_scores: Shape ``(M, E)``, float32; disjoint samples.
        select_correct: Shape ``(M, E)``.
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.
        tuner: A key of ``TUNERS``: ``exact`` (default) or ``optuna``.
        trials: Threshold vectors that ``optuna`` tries; ``exact`` needs none.
        seed: Seed of ``optuna``; ``exact`` is deterministic.
        max_points: A longer curve is thinned to so many points, spread evenly along it; the
            cheapest and the most accurate stay.

    Raises:
        ShapeError: The arrays do not fit together, or a split is empty.
        DataError: NaN, scores that are not float32, a cost that is not increasing, an unknown
            tuner or fewer than two points.
    """
    cost = check_samples(calibrate_scores, calibrate_correct, reach_cost)
    check_samples(select_scores, select_correct, cost)
    if tuner not in TUNERS:
        raise DataError(f"Unknown tuner '{tuner}'. Choices: {', '.join(sorted(TUNERS))}.")
    if max_points < 2:
        raise DataError(f"`max_points >= 2` must hold, but got {max_points}.")
    front = TUNERS[tuner](calibrate_scores, calibrate_correct, cost, trials, seed)
    thresholds = front.thresholds[thin(front.value, front.cost, max_points)]
    calibrate = apply_thresholds(thresholds, calibrate_scores, calibrate_correct, cost)
    select = apply_thresholds(thresholds, select_scores, select_correct, cost)
    return OperatingCurve(
        thresholds=thresholds,
        calibrate_accuracy=calibrate.accuracy,
        calibrate_cost=calibrate.cost,
        select_accuracy=select.accuracy,
        select_cost=select.cost,
        exit_rates=select.exit_rates,
        reach_cost=cost,
        exit_accuracy=select_correct.mean(axis=0),
    )


def _exact(
    scores: ScoreArray, correct: BoolArray, reach_cost: FloatArray, trials: int, seed: int
) -> ScoredThresholds:
    """Tune exactly, on smoothed values; trials and seed play no part."""
    return tuned_front(scores, smoothed_correctness(scores, correct), reach_cost)


def _optuna(
    scores: ScoreArray, correct: BoolArray, reach_cost: FloatArray, trials: int, seed: int
) -> ScoredThresholds:
    thresholds = tune_with_optuna(scores, correct, reach_cost, trials, seed)
    outcome = apply_thresholds(thresholds, scores, correct, reach_cost)
    return ScoredThresholds(thresholds, outcome.accuracy, outcome.cost)


def joined(curves: Mapping[str, OperatingCurve], scores: Mapping[str, str]) -> OperatingCurve:
    """Return the curves of several settings of the exit policy, of one network, as one.

    Args:
        curves: By setting.
        scores: What the thresholds of each are compared with.
    """
    owner = [(name, i) for name, curve in curves.items() for i in range(len(curve.calibrate_cost))]
    cost = np.concatenate([curve.calibrate_cost for curve in curves.values()])
    order = np.argsort(cost, kind="stable")
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(curve, name) for curve in curves.values()])[order]
        for name in _PER_POINT
    }
    first = next(iter(curves.values()))
    arrays |= {name: getattr(first, name) for name in _PER_EXIT}
    sorted_owner = [owner[i] for i in order]
    return OperatingCurve(
        thresholds=None,
        policies=tuple(curves[name].policy(i, scores[name]) for name, i in sorted_owner),
        settings=tuple(name for name, _ in sorted_owner),
        **arrays,
    )


Tuner = Callable[[ScoreArray, BoolArray, FloatArray, int, int], ScoredThresholds]
TUNERS: dict[str, Tuner] = {"exact": _exact, "optuna": _optuna}
