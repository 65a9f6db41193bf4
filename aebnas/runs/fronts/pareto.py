"""Pareto fronts and their hypervolume; every objective is minimised.

Must not import torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aebnas.errors import ShapeError

FloatArray = NDArray[np.float64]


def non_dominated(objectives: ArrayLike) -> NDArray[np.bool_]:
    """Return which points no other point dominates; of equal points the first stays.

    Args:
        objectives: Shape ``(points, objectives)``, all minimised, none NaN.

    Returns:
        Mask of shape ``(points,)``.

    Raises:
        ShapeError: The objectives are not two-dimensional.
    """
    points = np.asarray(objectives, float)
    if points.ndim != 2:
        raise ShapeError(f"objectives must have shape (points, objectives), but got {points.shape}")
    mask = np.zeros(len(points), bool)
    if len(points):
        distinct, first = np.unique(points, axis=0, return_index=True)  # by rising first objective
        mask[first[_front(distinct)]] = True
    return mask


def _front(points: FloatArray) -> NDArray[np.intp]:
    """Return the indices of the front of distinct points in lexicographic order.

    In that order a point is dominated only by earlier ones.
    """
    if points.shape[1] == 2:
        lowest = np.minimum.accumulate(points[:, 1])
        return np.flatnonzero(np.append(True, points[1:, 1] < lowest[:-1]))
    left, front = np.arange(len(points)), []
    while len(left):
        front.append(left[0])
        left = left[(points[left] < points[left[0]]).any(axis=1)]
    return np.asarray(front, np.intp)


def hypervolume(objectives: ArrayLike, reference: ArrayLike) -> float:
    """Return the volume that the points dominate within the box below ``reference``.

    Args:
        objectives: Shape ``(points, 2 or 3)``, minimised; points beyond the reference count nothing.
        reference: Shape ``(2 or 3,)``.

    Raises:
        ShapeError: There are not 2 or 3 objectives.

    Exact: staircase in two dimensions, slices along the last axis in three.
    """
    worst = np.asarray(reference, float)
    points = np.asarray(objectives, float).reshape(-1, len(worst))
    points = points[(points < worst).all(axis=1)]
    if len(worst) == 2:
        return _area(points, worst)
    if len(worst) != 3:
        raise ShapeError(f"hypervolume knows 2 or 3 objectives, but got {len(worst)}")
    levels = np.unique(points[:, 2])
    heights = np.diff([*levels, worst[2]])
    areas = (_area(points[points[:, 2] <= level, :2], worst[:2]) for level in levels)
    return float(sum(area * height for area, height in zip(areas, heights, strict=True)))


def _area(points: FloatArray, worst: FloatArray) -> float:
    if not len(points):
        return 0.0
    points = points[np.lexsort((points[:, 1], points[:, 0]))]
    heights = np.minimum.accumulate(points[:, 1])
    widths = np.diff([*points[:, 0], worst[0]])
    return float((widths * (worst[1] - heights)).sum())
