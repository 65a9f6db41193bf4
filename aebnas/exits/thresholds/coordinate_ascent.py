"""Lagrangian coordinate ascent over thresholds, with exact breakpoints.

For a price ``lambda`` on cost, the sum over samples of ``value - lambda * cost`` is raised one
threshold at a time: with the others fixed, the samples that reach exit e are sorted by score, the
gain of leaving here over continuing is cumulated, and the best cut between two distinct scores is
taken; no gain means the exit is disabled.  The best cuts met on the way are points of the
accuracy-cost plane too, and are all kept.

Must not import torch.
"""

from dataclasses import dataclass

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from aebnas.exits.core.front import ScoredThresholds, concatenated

_CUTS_KEPT = 48  # per step: the near-optimal cuts, where the front between two prices lies
_CUTS_SPREAD = 64  # per step: any others, evenly; they bridge gaps between the optima of two prices
_SWEEPS = 6  # two or three reach the fixed point; the limit guards against cycling on rounding


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples with what every step needs: their order by score, most confident first, at each exit."""

    scores: ScoreArray
    values: FloatArray
    reach_cost: FloatArray
    order: tuple[IntArray, ...]


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Cuts of one exit with the other thresholds fixed; sums over the arriving samples."""

    best: float
    thresholds: FloatArray
    value: FloatArray
    saved: FloatArray


def prices(count: int) -> FloatArray:
    """Return the prices to ascend at: 0, then geometric; accuracy per share of the full cost.

    At 0.001 a whole forward pass is worth 0.1 points of accuracy, at 30 nothing is worth its cost.
    """
    return np.concatenate([[0.0], np.geomspace(1e-3, 30.0, count - 1)])


def ascend(
    scores: ScoreArray,
    values: FloatArray,
    reach_cost: FloatArray,
    price_list: FloatArray,
    starts: FloatArray | None = None,
) -> tuple[FloatArray, ScoredThresholds]:
    """Climb once per price.

    Args:
        scores: Shape ``(N, E)``.
        values: What each exit's answer is worth (1 = right, 0 = wrong), shape ``(N, E)``.
        reach_cost: Shape ``(E,)``.
        price_list: Prices of the full cost in units of value, shape ``(prices,)``.
        starts: Where each climb starts, shape ``(prices, E - 1)``; without it, where the climb
            at the previous price ended, the first with all exits disabled.

    Returns:
        The optimum for each price ``(prices, E - 1)``, and the vectors kept on the way.
    """
    exits = len(reach_cost)
    order = tuple(np.argsort(-scores[:, i], kind="stable") for i in range(exits - 1))
    samples = _Samples(scores, values, reach_cost, order)
    optima = np.full((len(price_list), exits - 1), np.inf)
    visited: list[ScoredThresholds] = []
    for i, price in enumerate(price_list):
        start = optima[max(i - 1, 0)] if starts is None else starts[i]
        optima[i], met = _climb(start, samples, price / reach_cost[-1])
        visited += met
    return optima, concatenated(visited)


def _climb(start: FloatArray, samples: _Samples, price: float) -> tuple[FloatArray, list[ScoredThresholds]]:
    """Improve one threshold after the other, last exit first, until none changes."""
    thresholds = start.copy()
    met: list[ScoredThresholds] = []
    for _ in range(_SWEEPS):
        before = thresholds.copy()
        met = []  # the last sweep's cuts: earlier ones are around vectors since improved
        value, cost = samples.values[:, -1], np.full(len(samples.scores), samples.reach_cost[-1])
        for i in reversed(range(len(thresholds))):
            arrives = np.all(samples.scores[:, :i] < thresholds[:i], axis=1)
            cuts = _cuts(samples, i, arrives, value, cost, price)
            met.append(_visit(samples, thresholds, i, cuts, value, cost))
            thresholds[i] = cuts.best
            leaves = samples.scores[:, i] >= cuts.best
            value = np.where(leaves, samples.values[:, i], value)
            cost = np.where(leaves, samples.reach_cost[i], cost)
        if np.array_equal(before, thresholds):
            break
    return thresholds, met


def _cuts(
    samples: _Samples, i: int, arrives: BoolArray, value: FloatArray, cost: FloatArray, price: float
) -> _Cuts:
    """Cumulate the gain of leaving at exit i over continuing, most confident sample first."""
    order = samples.order[i]
    order = order[arrives[order]]
    nobody = _Cuts(np.inf, np.array([np.inf]), np.zeros(1), np.zeros(1))
    if order.size == 0:
        return nobody
    ranked = samples.scores[order, i]
    ends = np.append(np.flatnonzero(ranked[1:] < ranked[:-1]), order.size - 1)
    gained = np.cumsum(samples.values[order, i] - value[order])[ends]
    saved = np.cumsum(cost[order] - samples.reach_cost[i])[ends]
    thresholds = ranked[ends].astype(np.float64)
    thresholds[-1] = -np.inf  # the least certain of all leaves: so does everyone
    total = gained + price * saved
    top = int(total.argmax())
    best = float(thresholds[top]) if total[top] > 1e-9 else np.inf
    kept = _worth_keeping(total)
    return _Cuts(
        best,
        np.append(thresholds[kept], nobody.thresholds),
        np.append(gained[kept], nobody.value),
        np.append(saved[kept], nobody.saved),
    )


def _worth_keeping(total: FloatArray) -> IntArray:
    """Return the positions of the best cuts and of evenly spread others, ascending."""
    spread = np.linspace(0, total.size - 1, _CUTS_SPREAD).astype(np.intp)
    if total.size <= _CUTS_KEPT:
        return np.arange(total.size)
    best: IntArray = np.union1d(np.argpartition(-total, _CUTS_KEPT)[:_CUTS_KEPT], spread)
    return best


def _visit(
    samples: _Samples, thresholds: FloatArray, i: int, cuts: _Cuts, value: FloatArray, cost: FloatArray
) -> ScoredThresholds:
    """Turn the cuts of exit i into whole vectors with their mean value and cost."""
    for j in reversed(range(i)):
        leaves = samples.scores[:, j] >= thresholds[j]
        value = np.where(leaves, samples.values[:, j], value)
        cost = np.where(leaves, samples.reach_cost[j], cost)
    vectors = np.tile(thresholds, (len(cuts.thresholds), 1))
    vectors[:, i] = cuts.thresholds
    count = len(samples.scores)
    return ScoredThresholds(vectors, value.mean() + cuts.value / count, cost.mean() - cuts.saved / count)
