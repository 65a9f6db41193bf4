"""The baseline: one threshold shared by all exits.

With the running maximum M of the scores, a sample leaves at exit e when M[e-1] < t <= M[e], so
every distinct threshold is scored in one sort: value(t) = value of exit 0 plus, for each exit
with M[e] < t, what exit e + 1 answers better.

Must not import torch.
"""

import numpy as np
import numpy.typing as npt

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray, check_samples
from aebnas.exits.core.front import accuracy_cost_front


def shared_threshold(scores: ScoreArray, correct: BoolArray, reach_cost: npt.ArrayLike) -> FloatArray:
    """Return the non-dominated vectors among all those with equal entries.

    Args:
        scores: Shape ``(N, E)``, float32.
        correct: Is the answer of exit e right for sample n, shape ``(N, E)``.
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.

    Returns:
        Thresholds, shape ``(P, E - 1)``, by increasing cost on these samples.

    Raises:
        ShapeError: The arrays do not fit together, or there is no sample.
        DataError: NaN, scores that are not float32, or a cost that is not increasing.
    """
    cost = check_samples(scores, correct, reach_cost)
    thresholds, value, mean_cost = shared_outcome(scores, correct.astype(np.float64), cost)
    return thresholds[accuracy_cost_front(value, mean_cost, thresholds)]


def shared_outcome(
    scores: ScoreArray, values: FloatArray, reach_cost: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return all distinct shared thresholds ``(P, E - 1)``, their mean values and mean costs ``(P,)``."""
    highest = np.maximum.accumulate(scores[:, :-1], axis=1)
    levels = np.unique(highest).astype(np.float64)
    levels = np.concatenate([[-np.inf], levels[1:], [np.inf]]) if levels.size else np.array([np.inf])
    value = np.full(levels.shape, values[:, 0].mean())
    cost = np.full(levels.shape, reach_cost[0])
    for i in range(highest.shape[1]):
        order = np.argsort(highest[:, i], kind="stable")
        passing = np.searchsorted(highest[order, i], levels, side="left")
        gain = np.cumsum(np.append(0.0, (values[:, i + 1] - values[:, i])[order]))
        value += gain[passing] / len(scores)
        cost += (reach_cost[i + 1] - reach_cost[i]) * passing / len(scores)
    return np.repeat(levels[:, np.newaxis], highest.shape[1], axis=1), value, cost
