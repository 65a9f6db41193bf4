"""Which threshold vectors are worth keeping: the accuracy-cost front, and its thinning.

Must not import torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aebnas.exits.core.arrays import FloatArray, IntArray

_BUCKETS = 4096
_DIGITS = 12  # sums of floating-point costs that differ in rounding only are the same cost


@dataclass(frozen=True, eq=False)
class ScoredThresholds:
    """Threshold vectors and what they lead to on the samples they were scored on.

    Attributes:
        thresholds: Shape ``(P, E - 1)``.
        value: Mean value of a sample's answer (accuracy, when values are 0 and 1), shape ``(P,)``.
        cost: Mean cost of a sample, shape ``(P,)``.
    """

    thresholds: FloatArray
    value: FloatArray
    cost: FloatArray

    def take(self, index: IntArray) -> "ScoredThresholds":
        """Return the vectors at the given positions, in that order."""
        return ScoredThresholds(self.thresholds[index], self.value[index], self.cost[index])


def best_of(parts: Sequence[ScoredThresholds]) -> ScoredThresholds:
    """Return the non-dominated vectors of all parts together, by increasing cost."""
    union = concatenated(parts)
    return union.take(accuracy_cost_front(union.value, union.cost, union.thresholds))


def concatenated(parts: Sequence[ScoredThresholds]) -> ScoredThresholds:
    """Return the vectors of all parts, one after the other."""
    return ScoredThresholds(
        np.concatenate([part.thresholds for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.cost for part in parts]),
    )


def accuracy_cost_front(
    accuracy: FloatArray, cost: FloatArray, thresholds: FloatArray | None = None
) -> IntArray:
    """Return the indices of the non-dominated points by increasing cost.

    A point is dominated when another is at least as accurate and at most as expensive, and better in
    one of the two.  Of points equal in both, the simplest threshold vector is kept: the most
    disabled exits, then the fewest finite thresholds, then the higher thresholds from the first
    exit on (only the most confident samples leave early), then the first in order.  Accuracy and cost are
    compared to 12 digits.

    Args:
        accuracy: Shape ``(P,)``.
        cost: Shape ``(P,)``, positive.
        thresholds: Shape ``(P, E - 1)``; without it the first of equal points is kept.

    Returns:
        Indices, shape ``(front,)``; cost and accuracy strictly increase along them.
    """
    kept = candidates(accuracy, cost)
    worth = np.round(accuracy[kept], _DIGITS)
    price = np.round(cost[kept] / cost.max(), _DIGITS)
    keys: list[FloatArray] = [] if thresholds is None else _simplicity(thresholds[kept])
    order = np.lexsort([*reversed(keys), -worth, price])
    kept, worth = kept[order], worth[order]
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], worth[:-1]]))
    return kept[worth > best_before]


def thin(accuracy: FloatArray, cost: FloatArray, max_points: int) -> IntArray:
    """Return at most ``max_points`` indices of a front, spread evenly along it.

    The front is cut into pieces of equal length (share of the cost range + share of the accuracy
    range) and the most accurate point of each piece stays; the cheapest point always stays.

    Args:
        accuracy: Shape ``(front,)``, increasing.
        cost: Shape ``(front,)``, increasing.
        max_points: At least 2.
    """
    if len(cost) <= max_points:
        return np.arange(len(cost))
    way = (cost - cost[0]) / np.ptp(cost) + (accuracy - accuracy[0]) / np.ptp(accuracy)
    piece = np.ceil(way / way[-1] * (max_points - 1) * (1 - 1e-12))
    is_last = np.append(piece[1:] > piece[:-1], True)
    is_last[0] = True
    return np.flatnonzero(is_last)


def candidates(accuracy: FloatArray, cost: FloatArray) -> IntArray:
    """Drop, without sorting, most points that a clearly cheaper one dominates.

    Every non-dominated point, and every point equal to one, is among the indices returned.
    """
    low, high = float(cost.min()), float(cost.max())
    if len(cost) < _BUCKETS or high == low:
        return np.arange(len(cost))
    bucket = ((cost - low) * ((_BUCKETS - 1) / (high - low))).astype(np.intp)
    best = np.full(_BUCKETS, -np.inf)
    np.maximum.at(best, bucket, accuracy)
    # only buckets two below are surely cheaper after rounding
    best_cheaper = np.concatenate([[-np.inf, -np.inf], np.maximum.accumulate(best)[:-2]])
    return np.flatnonzero(accuracy > best_cheaper[bucket])


def _simplicity(thresholds: FloatArray) -> list[FloatArray]:
    """Return sort keys, the most important first; smaller = simpler."""
    disabled = np.isposinf(thresholds).sum(axis=1)
    finite = np.isfinite(thresholds).sum(axis=1)
    return [-disabled, finite, *(-thresholds.T)]
