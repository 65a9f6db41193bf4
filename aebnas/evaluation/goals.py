"""What a search looks for: objectives, limits, and the points at which candidates are judged.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aebnas.config.sections.constraints import Bound, full_name
from aebnas.task.metrics.table import metric_of


@dataclass(frozen=True)
class Goals:
    """What is better, and what is allowed."""

    objectives: tuple[str, ...]
    """Quantities to minimise, as the file names them."""
    constraints: Mapping[str, Bound]
    """Limits on quantities, likewise."""
    profiles: tuple[str, ...]
    """Names of the hardware profiles."""
    budget_fractions: tuple[float, ...] = (1.0,)
    """Shares of its own full cost at which each candidate is judged, rising."""
    has_target: bool = False
    """Whether exits are fitted to a target, so that a candidate is one point."""
    bounds_cost: bool = False
    """Whether that target is a cost, which untrained networks meet as well as trained ones."""

    def full_name(self, name: str) -> str:
        """Return a quantity with the device that it is of."""
        return full_name(name, self.profiles)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the quantities that objectives and constraints name, as the file names them."""
        return (*self.objectives, *self.constraints)

    @property
    def limits(self) -> int:
        """Return the number of limits that a candidate can break."""
        bounds = self.constraints.values()
        return sum((b.min is not None) + (b.max is not None) for b in bounds) + self.has_target

    def without_learned(self) -> Goals:
        """Return the same without limits on what is learned, which untrained networks need not hold."""
        kept = {name: bound for name, bound in self.constraints.items() if not metric_of(name).is_learned}
        return replace(self, constraints=kept)
