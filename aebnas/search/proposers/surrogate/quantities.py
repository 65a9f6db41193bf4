"""What is modelled, and in which units it is easy to model.

Error becomes the angle whose squared sine it is: its noise is then the same
everywhere.  An expected cost becomes the logarithm of its share of what the
budget fraction allows, for the cost to the last exit is counted, not modelled: a
prediction of 0 says that the network spends what it may.  How far a target of
``exits`` is missed is modelled as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.config.schema import SearchFile
from aebnas.config.sections.constraints import EXPECTED, full_name
from aebnas.runs.individuals import TARGET
from aebnas.search.proposers.exact import ExactCost

FloatArray = NDArray[np.float64]
ERROR = "error"


def modelled(config: SearchFile) -> tuple[str, ...]:
    """Return the quantities that objectives and constraints need and that nothing can count."""
    wanted = [full_name(name, config.profiles) for name in (*config.objectives, *config.constraints)]
    expected = [name for name in wanted if name.partition("@")[0] in EXPECTED]
    target = [] if config.exits.target is None else [TARGET]
    return tuple(dict.fromkeys([ERROR, *expected, *target]))


def to_model(name: str, values: FloatArray, costs: Sequence[ExactCost], shares: FloatArray) -> FloatArray:
    """Return measured values as models see them.

    Args:
        name: The quantity.
        values: Shape ``(n, budget_fractions)``.
        costs: What the ``n`` architectures cost.
        shares: The budget fractions, shape ``(budget_fractions,)``.
    """
    if name == ERROR:
        return np.arcsin(np.sqrt(np.clip(values, 0, 1)))
    if name == TARGET:
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
    if name == ERROR:
        return np.square(np.sin(np.clip(values, 0, np.pi / 2)))
    if name == TARGET:
        return values
    first, last = _ends(name, costs)
    return np.clip(_allowance(name, costs, shares) * np.exp(np.clip(values, -20, 20)), first, last)


def _ends(name: str, costs: Sequence[ExactCost]) -> tuple[FloatArray, FloatArray]:
    """Return the cost to leave at the first and at the last exit, each of shape ``(n, 1)``."""
    reach = [cost.reach[name] for cost in costs]
    return np.asarray([[one[0]] for one in reach]), np.asarray([[one[-1]] for one in reach])


def _allowance(name: str, costs: Sequence[ExactCost], shares: FloatArray) -> FloatArray:
    first, last = _ends(name, costs)
    return np.maximum(first, last * shares)
