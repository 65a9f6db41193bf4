"""Quantities that a surrogate models, and the units in which they are easy to model.

A share, as the error, becomes the angle whose squared sine it is: its noise is then the same
everywhere.  An expected cost becomes the logarithm of its share of what the
budget fraction allows, for the cost to the last exit is counted, not modelled: a
prediction of 0 says that the network spends what it may.  How far a target of
``exits`` is missed, and other quantities of training, are modelled as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.evaluation.goals import Goals
from aebnas.runs.fronts.individuals import TARGET
from aebnas.search.proposers.exact import ExactCost
from aebnas.task.metrics.table import metric_of

FloatArray = NDArray[np.float64]
ERROR = "error"


def modelled(goals: Goals) -> tuple[str, ...]:
    """Return the quantities that objectives and constraints need and that nothing can count."""
    quantities = [goals.full_name(name) for name in goals.names]
    unknown = [name for name in quantities if not metric_of(name).is_exact and name != "accuracy"]
    target = [TARGET] if goals.has_target else []
    return tuple(dict.fromkeys([ERROR, *unknown, *target]))


def optimistic(name: str, values: FloatArray, deviation: FloatArray | float, optimism: float) -> FloatArray:
    """Return predictions, those of what training decides better by some deviations.

    Args:
        name: The quantity.
        values: As models see them, shape ``(n, budget_fractions)``.
        deviation: Of the model.
        optimism: How many deviations.
    """
    if name == TARGET or not metric_of(name).is_learned:
        return values
    better = -1.0 if metric_of(name).highest is None else 1.0
    return values + better * optimism * deviation


def to_model(name: str, values: FloatArray, costs: Sequence[ExactCost], shares: FloatArray) -> FloatArray:
    """Return measured values as models see them.

    Args:
        name: The quantity.
        values: Shape ``(n, budget_fractions)``.
        costs: What the ``n`` architectures cost.
        shares: The budget fractions, shape ``(budget_fractions,)``.
    """
    if name != TARGET and metric_of(name).is_share:
        return np.arcsin(np.sqrt(np.clip(values, 0, 1)))
    if name == TARGET or metric_of(name).is_learned:
        return values
    return np.log(np.maximum(values, 1e-12) / _allowance(name, costs, shares))


def from_model(name: str, values: FloatArray, costs: Sequence[ExactCost], shares: FloatArray) -> FloatArray:
    """Return what ``to_model`` was given; predictions beyond what is possible are moved to its edge.

    Args:
        name: The quantity.
        values: Shape ``(n, budget_fractions)``.
        costs: What the ``n`` architectures cost.
        shares: The budget fractions, shape ``(budget_fractions,)``.
    """
    if name != TARGET and metric_of(name).is_share:
        return np.square(np.sin(np.clip(values, 0, np.pi / 2)))
    if name == TARGET or metric_of(name).is_learned:
        return values
    first, last = _ends(name, costs)
    return np.clip(_allowance(name, costs, shares) * np.exp(np.clip(values, -20, 20)), first, last)


def _ends(name: str, costs: Sequence[ExactCost]) -> tuple[FloatArray, FloatArray]:
    """Return the cost to leave at the first and at the last exit, each of shape ``(n, 1)``."""
    reach = [cost.reach[name] for cost in costs]
    return np.asarray([[costs_of_exits[0]] for costs_of_exits in reach]), np.asarray(
        [[costs_of_exits[-1]] for costs_of_exits in reach]
    )


def _allowance(name: str, costs: Sequence[ExactCost], shares: FloatArray) -> FloatArray:
    first, last = _ends(name, costs)
    return np.maximum(first, last * shares)
