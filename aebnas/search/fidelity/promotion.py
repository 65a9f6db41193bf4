"""Which candidates of a fidelity go on: those whose operating points are best among their batch's.

As NSGA-II judges survivors: feasible before infeasible, then non-dominated rank, then crowding
distance; a candidate is as good as the best of its points.  Ties go by ask order, so that
neither workers nor the order of completion decide.

Limits and targets on accuracy are not judged before the last fidelity: the networks are not trained yet.
Source: NSGA-II (IEEE TEC 2002).  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aebnas.evaluation.goals import Goals
from aebnas.evaluation.record import Evaluation
from aebnas.runs.fronts.individuals import Individual, with_free_points
from aebnas.runs.fronts.pareto import non_dominated
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome

FloatArray = NDArray[np.float64]


def finished_at(fidelity: str, evaluations: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """Return the evaluations that are done and stand at the fidelity of a name."""
    return {
        key: evaluation
        for key, evaluation in evaluations.items()
        if evaluation.is_done and evaluation.fidelity == fidelity
    }


def keys_best_first(
    space: SearchSpace, asked: Sequence[Genome], evaluations: Mapping[str, Evaluation], goals: Goals
) -> list[str]:
    """Return the keys of the finished candidates of a fidelity, the best first.

    Args:
        space: Decodes the genomes.
        asked: The batch in ask order.
        evaluations: At this fidelity, by key; failed ones are left out.
        goals: Objectives, constraints and target.
    """
    points = with_free_points(space, asked, dict(evaluations), goals.without_learned())
    if goals.has_target and not goals.bounds_cost:
        points = [replace(point, violations=point.violations[:-1]) for point in points]
    return list(dict.fromkeys(points[i].key for i in _order(points)))


def _order(points: Sequence[Individual]) -> list[int]:
    """Return the indices of points, the best first."""
    feasible = [i for i, point in enumerate(points) if point.is_feasible]
    order: list[int] = []
    if feasible:
        objectives = np.asarray([points[i].objectives for i in feasible], float)
        rank, distance = ranks(objectives), np.empty(len(feasible))
        for front in np.unique(rank):
            distance[rank == front] = crowding(objectives[rank == front])
        order = [feasible[i] for i in np.lexsort((-distance, rank))]
    infeasible = [i for i, point in enumerate(points) if not point.is_feasible]
    return order + sorted(infeasible, key=lambda i: points[i].violation)


def ranks(objectives: FloatArray) -> NDArray[np.intp]:
    """Return the front that each point is on, from 0: shape ``(points, objectives)`` to ``(points,)``.

    Of equal points the later ones are on later fronts: they add nothing.
    """
    fronts, left = np.zeros(len(objectives), np.intp), np.arange(len(objectives))
    while len(left):
        mask = non_dominated(objectives[left])
        left = left[~mask]
        fronts[left] += 1
    return fronts


def crowding(objectives: FloatArray) -> FloatArray:
    """Return how far apart the neighbours of each point of one front are; infinite at its ends.

    Args:
        objectives: Shape ``(points, objectives)``; each is scaled by its range.
    """
    distance = np.zeros(len(objectives))
    for values in objectives.T:
        order = np.argsort(values, kind="stable")
        spread = values[order[-1]] - values[order[0]]
        distance[order[[0, -1]]] = np.inf
        if spread > 0:
            distance[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / spread
    return distance
