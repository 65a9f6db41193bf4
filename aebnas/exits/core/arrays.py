"""Array types of this room, and the checks every public function makes on its input.

Notation: N samples, E exits (the last is the final classifier), K classes, P threshold vectors.
A threshold vector has E - 1 entries: a sample leaves at the first exit e with
``score[n, e] >= threshold[e]``, else the last exit answers.  ``+inf`` disables an exit,
``-inf`` lets every arriving sample leave.

Must not import torch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError

FloatArray = npt.NDArray[np.float64]
ScoreArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def check_reach_cost(reach_cost: npt.ArrayLike) -> FloatArray:
    """Return the reach cost of every exit as float64, shape ``(E,)``.

    Raises:
        ShapeError: It is not one-dimensional, or empty.
        DataError: It is not finite, not positive or not strictly increasing.
    """
    cost = np.asarray(reach_cost, dtype=np.float64)
    if cost.ndim != 1 or cost.size == 0:
        raise ShapeError(f"Reach cost must have shape (exits,), but got {cost.shape}.")
    if not np.isfinite(cost).all() or cost[0] <= 0 or (np.diff(cost) <= 0).any():
        raise DataError(f"Reach cost must be finite, positive and increasing, but got {cost.tolist()}.")
    return cost


def check_samples(scores: ScoreArray, values: npt.NDArray[Any], reach_cost: npt.ArrayLike) -> FloatArray:
    """Check that scores, per-exit values and reach cost fit together; return the cost as float64.

    Args:
        scores: How certain each exit is of each sample, shape ``(N, E)``; float32, so that a
            threshold stored as an observed score reproduces the same cut everywhere.
        values: What each exit's answer is worth (usually: is it correct), shape ``(N, E)``.
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.

    Raises:
        ShapeError: The arrays do not fit together, or there is no sample.
        DataError: Scores are not float32 or not finite, values are not finite, or the cost is not increasing.
    """
    cost = check_reach_cost(reach_cost)
    if scores.ndim != 2 or scores.shape != values.shape or scores.shape[1] != cost.size:
        raise ShapeError(
            "Scores and correct must both have shape (samples, exits) and reach cost (exits,), "
            f"but got {scores.shape}, {values.shape} and {cost.shape}."
        )
    if scores.shape[0] == 0:
        raise ShapeError("At least one sample is needed, but the scores are empty.")
    if scores.dtype != np.float32:
        raise DataError(f"Scores must be float32, as exit_scores returns them, but got {scores.dtype}.")
    if not np.isfinite(scores).all():
        raise DataError("Scores must be finite: an infinite one would leave at a disabled exit.")
    if not np.isfinite(values).all():
        raise DataError("The values of the exits' answers must be finite.")
    return cost


def check_thresholds(thresholds: npt.ArrayLike, exits: int) -> FloatArray:
    """Return threshold vectors as float64, shape ``(P, E - 1)``.

    Raises:
        ShapeError: The vectors do not have ``exits - 1`` entries.
        DataError: A threshold is NaN.
    """
    vectors = np.asarray(thresholds, dtype=np.float64)
    if vectors.ndim != 2 or vectors.shape[1] != exits - 1:
        raise ShapeError(
            f"Thresholds must have shape (vectors, exits - 1) = (P, {exits - 1}), but got {vectors.shape}."
        )
    refuse_nan_thresholds(vectors)
    return vectors


def refuse_nan_thresholds(thresholds: npt.ArrayLike) -> None:
    """Check that every threshold is a number, infinite ones included.

    Raises:
        DataError: One is NaN.
    """
    if np.isnan(thresholds).any():
        raise DataError("Thresholds contain NaN; use +inf to disable an exit.")
