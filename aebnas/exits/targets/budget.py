"""The best accuracy within a mean cost.

Must not import torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.outcome import Outcomes, PolicyOutcome, outcomes_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.targets.target import Target, format_cost

_TOLERANCE = 1e-9  # a budget computed as share * cost still admits the policy of that cost


@dataclass(frozen=True)
class Budget(Target):
    """The best accuracy with a mean cost per sample of at most ``max_cost``.

    Attributes:
        max_cost: In the unit of the samples' reach cost.
    """

    max_cost: float

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            DataError: It is NaN.
        """
        if np.isnan(self.max_cost):
            raise DataError("The budget must be a number, but got NaN.")

    @property
    def amount(self) -> float:
        """The budget."""
        return self.max_cost

    @property
    def limit(self) -> float:
        """The largest cost that counts as within the budget: rounding is forgiven."""
        return self.max_cost + abs(self.max_cost) * _TOLERANCE

    def text(self) -> str:
        """Return the target in words."""
        return f"mean cost <= {format_cost(self.max_cost, self.unit)}"

    def pick(self, path: Sequence[ExitPolicy], samples: ExitSamples) -> int:
        """Return the most expensive policy within the budget, else the cheapest."""
        cost = outcomes_of(path, samples).cost
        within = cost <= self.limit
        return int(np.where(within, cost, -np.inf).argmax() if within.any() else cost.argmin())

    def fit_to_target(self, family: PolicyFamily, samples: ExitSamples) -> ExitPolicy | None:
        """Return what the family itself makes of a budget."""
        return family.within(samples, self.max_cost)

    def at_cost(self, max_cost: float, unit: str) -> Target:
        """Return the budget in the other unit: what was spent there."""
        return Budget(max_cost, unit=unit)

    def shortfall(self, outcome: PolicyOutcome) -> float:
        """Return how far the mean cost is above the budget."""
        return outcome.cost - self.max_cost if outcome.cost > self.limit else 0.0

    def format_shortfall(self, shortfall: float) -> str:
        """Return the shortfall with its unit."""
        return format_cost(shortfall, self.unit)

    def nearest(self, outcomes: Outcomes) -> float:
        """Return the lowest mean cost."""
        return float(outcomes.cost.min())

    def format_nearest(self, value: float) -> str:
        """Return the lowest mean cost in words."""
        return f"a mean cost of {format_cost(value, self.unit)}"
