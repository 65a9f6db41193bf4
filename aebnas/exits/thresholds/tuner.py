"""All threshold vectors worth having: the exact tuner.

Small problems are enumerated completely.  Larger ones combine three sources, each of which finds
what the others miss: coordinate ascent at many prices, a dense grid around the ascent's
thresholds and quantiles, and a second ascent from the grid's best vectors (the grid finds the
right basin, the ascent the exact cut in it).

Must not import torch.
"""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.exits.core.arrays import FloatArray, ScoreArray, check_samples
from aebnas.exits.core.front import ScoredThresholds, best_of, candidates
from aebnas.exits.thresholds.coordinate_ascent import ascend, prices
from aebnas.exits.thresholds.grid import all_levels, grid_outcome, grid_size, grid_vectors, snapped
from aebnas.exits.thresholds.shared import shared_outcome

_PRICES = 48
_PAIR_PRICES = 10  # with more than _GRID_EXITS exits: prices whose optimum is varied in pairs
_PAIR_LEVELS = 24
_GRID_EXITS = 7  # beyond it a full grid has fewer than 9 thresholds per exit


def tune_thresholds(
    scores: ScoreArray, values: npt.NDArray[Any], reach_cost: npt.ArrayLike, max_vectors: int = 2_000_000
) -> FloatArray:
    """Return the non-dominated threshold vectors on the given samples.

    Exact, every distinct threshold vector considered, when there are at most ``max_vectors`` of
    them; otherwise the best of the sources named above, never dominated by a shared threshold.
    Finite thresholds are observed scores, so ``>=`` reproduces the counted set of samples.  An
    exit that does not pay is disabled (``+inf``).  Deterministic.

    Args:
        scores: Shape ``(N, E)``, float32.
        values: What each exit's answer is worth, shape ``(N, E)``: is it correct (bool), or the
            estimated probability that it is (float).
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.
        max_vectors: Size of the largest grid, in threshold vectors.

    Returns:
        Thresholds, shape ``(P, E - 1)``, by increasing mean cost and mean value.

    Raises:
        ShapeError: The arrays do not fit together, or there is no sample.
        DataError: NaN, scores that are not float32, or a cost that is not increasing.
    """
    return tuned_front(scores, values, reach_cost, max_vectors).thresholds


def tuned_front(
    scores: ScoreArray, values: npt.NDArray[Any], reach_cost: npt.ArrayLike, max_vectors: int = 2_000_000
) -> ScoredThresholds:
    """Return what ``tune_thresholds`` does, with the mean value and cost of every vector."""
    cost = check_samples(scores, values, reach_cost)
    worth = values.astype(np.float64)
    levels = all_levels(scores)
    if grid_size(levels) <= max_vectors:
        return _grid_front(levels, scores, worth, cost)
    optima, climbed = ascend(scores, worth, cost, prices(_PRICES))
    thresholds, mean_value, mean_cost = shared_outcome(scores, worth, cost)
    fronts = [ScoredThresholds(snapped(thresholds, scores), mean_value, mean_cost), climbed]
    fronts += _grids(optima, scores, worth, cost, max_vectors)
    fronts.append(_second_ascent(best_of(fronts), scores, worth, cost))
    return best_of(fronts)


def _grids(
    optima: FloatArray, scores: ScoreArray, values: FloatArray, cost: FloatArray, max_vectors: int
) -> list[ScoredThresholds]:
    """Search the full grid, or with many exits every pair of exits around some optima."""
    exits = cost.size - 1
    if exits < _GRID_EXITS:
        per_exit = max(4, int(max_vectors ** (1 / exits) + 1e-9))
        levels = [_levels(scores[:, i], optima[:, i], per_exit) for i in range(exits)]
        return [_grid_front(levels, scores, values, cost)]
    fronts = []
    levels = [_levels(scores[:, i], optima[:, i], _PAIR_LEVELS) for i in range(exits)]
    for base in optima[np.linspace(0, len(optima) - 1, _PAIR_PRICES).astype(np.intp)]:
        for pair in itertools.combinations(range(exits), 2):
            around = [levels[i] if i in pair else base[i : i + 1] for i in range(exits)]
            fronts.append(_grid_front(around, scores, values, cost))
    return fronts


def _levels(scores: ScoreArray, optima: FloatArray, count: int) -> FloatArray:
    """Choose ``count`` thresholds of one exit: always, disabled, half found ones, half quantiles."""
    finite = np.unique(optima[np.isfinite(optima)])
    kept = min(len(finite), (count - 2) // 2)
    finite = finite[np.linspace(0, len(finite) - 1, kept).astype(np.intp)] if kept else finite
    shares = np.linspace(0.0, 1.0, count - kept)[1:-1]
    quantiles = np.quantile(scores, shares, method="higher").astype(np.float64)
    return np.unique(np.concatenate([[-np.inf], finite, quantiles, [np.inf]]))


def _second_ascent(
    front: ScoredThresholds, scores: ScoreArray, values: FloatArray, cost: FloatArray
) -> ScoredThresholds:
    """Climb at every price from the best vector found so far for that price."""
    price_list = prices(_PRICES)
    best = [int(np.argmax(front.value - price * front.cost / cost[-1])) for price in price_list]
    return ascend(scores, values, cost, price_list, front.thresholds[best])[1]


def _grid_front(
    levels: list[FloatArray], scores: ScoreArray, values: FloatArray, cost: FloatArray
) -> ScoredThresholds:
    """Return the non-dominated vectors of a grid."""
    value, mean_cost = grid_outcome(levels, scores, values, cost)
    near = candidates(value, mean_cost)
    return best_of([ScoredThresholds(grid_vectors(levels, near), value[near], mean_cost[near])])
