"""Constraints that costs alone decide: what is beyond them is drawn again, not trained.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aebnas.config.sections.constraints import Bound, bound_violations
from aebnas.evaluation.goals import Goals
from aebnas.space.api import Architecture
from aebnas.task.metrics.table import metric_of

if TYPE_CHECKING:  # counting imports torch
    from aebnas.search.proposers.exact import ExactCost, ExactCosts

CostViolation = Callable[[Architecture], float]
"""How far an architecture is beyond its limits, whatever training makes of it; 0: within."""


def cost_violation_of(goals: Goals, exact: ExactCosts) -> CostViolation | None:
    """Return how far architectures are beyond the constraints on costs; None where there are none.

    Limits on ``params``, ``peak_activation_bytes`` and ``worst_`` costs hold or not before training.
    Those on expected costs, which the exits decide, are missed for certain where even the first exit
    costs too much, or the last too little.

    Args:
        goals: The constraints, and the names of the profiles.
        exact: Counts architectures, with the devices that constraints name.
    """
    bounds = {goals.full_name(name): bound for name, bound in goals.constraints.items()}
    bounds = {name: bound for name, bound in bounds.items() if not metric_of(name).is_learned}
    if not bounds:
        return None

    def cost_violation(architecture: Architecture) -> float:
        """Return the sum over the limits, each as a share of the limit."""
        cost = exact.of(architecture)
        return sum(
            max(0.0, violation)
            for name, bound in bounds.items()
            for value in _nearest(cost, name, bound)
            for violation in bound_violations(value, bound)
        )

    return cost_violation


def _nearest(cost: ExactCost, name: str, bound: Bound) -> Iterator[float]:
    """Yield the value nearest to a bound that the exits can reach, where the architecture tells."""
    span = cost.span(name)
    if span is not None:
        yield span[0] if bound.min is None else min(span[1], max(span[0], bound.min))
