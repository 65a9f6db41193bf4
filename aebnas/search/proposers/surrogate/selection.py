"""A diverse subset of what the surrogate predicts: each selection adds to the front what the others leave.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.runs.fronts.individuals import Individual
from aebnas.runs.fronts.pareto import hypervolume, non_dominated

FloatArray = NDArray[np.float64]


def feasible_front(individuals: Sequence[Individual], objectives: int) -> FloatArray:
    """Return the objectives of the feasible front, shape ``(points, objectives)``."""
    feasible = [individual.objectives for individual in individuals if individual.is_feasible]
    points = np.asarray(feasible, float).reshape(-1, objectives)
    return points[non_dominated(points)]


def gain(points: Sequence[Individual], front: FloatArray, reference: Sequence[float]) -> float:
    """Return the hypervolume that points add to a front, as a share of the reference's box."""
    own = feasible_front(points, len(reference))
    if not len(own):
        return 0.0
    both = np.concatenate([front, own])
    added = hypervolume(both, reference) - hypervolume(front, reference)
    return max(0.0, added) / float(np.prod(reference))


def most_gaining(
    candidates: Sequence[Sequence[Individual]], count: int, front: FloatArray, reference: Sequence[float]
) -> list[int]:
    """Return up to ``count`` candidates, each the one that adds most to the front and the earlier selections.

    A selected point can only lessen what others add, so most gains need not be computed anew.

    Args:
        candidates: The operating points of each.
        count: How many to pick; fewer are where no other adds anything.
        front: Objectives of the known front, shape ``(points, objectives)``.
        reference: Worst point of the hypervolume.
    """
    bounds = np.asarray([gain(points, front, reference) for points in candidates])
    selected: list[int] = []
    while len(selected) < count and bounds.max(initial=0.0) > 0:
        i = int(np.argmax(bounds))
        fresh = gain(candidates[i], front, reference)
        if fresh >= np.delete(bounds, i).max(initial=0.0):
            selected.append(i)
            front = np.concatenate([front, feasible_front(candidates[i], len(reference))])
            front = front[non_dominated(front)]
            fresh = 0.0
        bounds[i] = fresh
    return selected
