"""Accuracy and cost of every threshold vector of a grid, without visiting the samples for each.

How many samples pass exits 0..e is a multidimensional prefix sum over the histogram of their
scores, so all B^(E-1) vectors together cost O(N E + E^2 B^(E-1)).
Written with differences between neighbouring exits:
``value(t) = value of exit 0 + sum_e D_e(t_0..t_e)`` where ``D_e`` sums, over the samples that
pass exits 0..e, what exit e + 1 answers better than exit e; the cost likewise.

Must not import torch.
"""

import math
from collections.abc import Sequence

import numpy as np

from aebnas.exits.core.arrays import FloatArray, IntArray, ScoreArray


def all_levels(scores: ScoreArray) -> list[FloatArray]:
    """Return per exit every threshold that decides differently on these samples.

    One cut between each two distinct scores, at the upper one, plus ``-inf`` (always) in place
    of the smallest score and ``+inf`` (disabled).

    Args:
        scores: Shape ``(N, E)``.

    Returns:
        E - 1 ascending arrays.
    """
    levels = []
    for i in range(scores.shape[1] - 1):
        distinct = np.unique(scores[:, i]).astype(np.float64)
        levels.append(np.concatenate([[-np.inf], distinct[1:], [np.inf]]))
    return levels


def snapped(thresholds: FloatArray, scores: ScoreArray) -> FloatArray:
    """Return the equivalent thresholds of ``all_levels``: the same samples leave at every exit.

    Args:
        thresholds: Shape ``(P, E - 1)``.
        scores: Shape ``(N, E)``.

    Returns:
        Shape ``(P, E - 1)``, each the smallest observed score that is not below the threshold.
    """
    result = thresholds.copy()
    for i, level in enumerate(all_levels(scores)):
        smallest = scores[:, i].min()
        result[:, i] = level[np.searchsorted(level, thresholds[:, i], side="left")]
        result[thresholds[:, i] <= smallest, i] = -np.inf
    return result


def grid_size(levels: Sequence[FloatArray]) -> int:
    """Return the number of threshold vectors of a grid."""
    return math.prod(len(level) for level in levels)


def grid_outcome(
    levels: Sequence[FloatArray], scores: ScoreArray, values: FloatArray, reach_cost: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean value and mean cost of every threshold vector of the grid.

    Args:
        levels: Per exit the ascending thresholds, E - 1 arrays of lengths B_0, B_1, ...
        scores: Shape ``(N, E)``.
        values: What each exit's answer is worth (1 = right, 0 = wrong), shape ``(N, E)``.
        reach_cost: Shape ``(E,)``.

    Returns:
        Two arrays of shape ``(B_0 * B_1 * ...,)`` in C order of the grid: ``grid_vectors`` turns
        positions into thresholds.
    """
    samples = len(scores)
    total_value = np.full((1,) * len(levels), values[:, 0].sum())
    total_cost = np.full((1,) * len(levels), reach_cost[0] * samples)
    cell = np.zeros(samples, dtype=np.int64)
    passing = np.arange(samples)
    for i, level in enumerate(levels):
        # with threshold number t a sample passes when at most t thresholds are <= its score;
        # one that reaches every threshold passes none, and is dropped
        reached = np.searchsorted(level, scores[passing, i], side="right")
        stays = reached < len(level)
        passing, cell = passing[stays], cell[stays] * len(level) + reached[stays]
        shape = tuple(len(other) for other in levels[: i + 1])
        gain = _prefix_sums(cell, values[passing, i + 1] - values[passing, i], shape)
        count = _prefix_sums(cell, None, shape)
        open_shape = shape + (1,) * (len(levels) - i - 1)
        total_value = total_value + gain.reshape(open_shape)
        count *= reach_cost[i + 1] - reach_cost[i]
        total_cost = total_cost + count.reshape(open_shape)
    return total_value.ravel() / samples, total_cost.ravel() / samples


def grid_vectors(levels: Sequence[FloatArray], positions: IntArray) -> FloatArray:
    """Return the threshold vectors at the given positions of the grid, shape ``(P, E - 1)``."""
    if not levels:
        return np.zeros((len(positions), 0))
    index = np.unravel_index(positions, tuple(len(level) for level in levels))
    return np.stack([level[i] for level, i in zip(levels, index, strict=True)], axis=1)


def _prefix_sums(cell: IntArray, weights: FloatArray | None, shape: tuple[int, ...]) -> FloatArray:
    """Sum the samples' weights over all cells at most as far along every axis; ``shape``."""
    table = np.bincount(cell, weights, minlength=math.prod(shape)).astype(np.float64).reshape(shape)
    for axis in range(len(shape)):
        np.cumsum(table, axis=axis, out=table)
    return table
