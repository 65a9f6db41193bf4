"""The base of all targets, and the target check on one: was it reached, by how much was it missed.

Must not import torch.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aebnas.exits.core.outcome import Outcomes, PolicyOutcome, outcome_of, outcomes_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.family import PolicyFamily


@dataclass(frozen=True, kw_only=True)
class Target(ABC):
    """What a policy is fitted to reach, in the user's words.

    Attributes:
        unit: Of the cost, for messages alone: ``MACs``, ``ms``, ``mJ``.
    """

    unit: str = ""

    @abstractmethod
    def text(self) -> str:
        """Return the target in words."""

    @abstractmethod
    def pick(self, path: Sequence[ExitPolicy], samples: ExitSamples) -> int:
        """Return the position of the policy that the target asks for.

        Args:
            path: From safe and expensive to fast and cheap, as ``PolicyFamily.path`` returns it.
            samples: The samples to judge the policies on.
        """

    @abstractmethod
    def shortfall(self, outcome: PolicyOutcome) -> float:
        """Return how much is missing to the target, in its own quantity; 0 where it is reached."""

    @property
    @abstractmethod
    def amount(self) -> float:
        """The number that is asked for, of which a violation is a share."""

    def violation(self, outcome: PolicyOutcome) -> float:
        """Return the shortfall as a share of the target; 0 where it is reached."""
        shortfall = self.shortfall(outcome)
        return shortfall / abs(self.amount) if shortfall and self.amount else shortfall

    @abstractmethod
    def format_shortfall(self, shortfall: float) -> str:
        """Return a shortfall with its unit."""

    @abstractmethod
    def nearest(self, outcomes: Outcomes) -> float:
        """Return the best value of the target's quantity among some policies."""

    @abstractmethod
    def format_nearest(self, value: float) -> str:
        """Return what ``nearest`` found, in words."""

    def fit_to_target(self, family: PolicyFamily, samples: ExitSamples) -> ExitPolicy | None:
        """Return the policy that a family fits straight at the target; None: ``pick`` from its path."""
        return None

    def at_cost(self, max_cost: float, unit: str) -> "Target":
        """Return the target where costs are counted in another unit; ``max_cost``: what was spent there."""
        return replace(self, unit=unit)

    def fit(self, family: PolicyFamily, samples: ExitSamples) -> "FittedPolicy":
        """Fit a family to the target on calibration samples.

        A target that cannot be reached is no error: the target check says by how much it is missed and
        what can be reached, and the policy is the nearest there is: the most accurate, the cheapest,
        or the last exit for everything.

        Args:
            family: The method and its hyperparameters.
            samples: Calibration samples; score the policy on others.
        """
        policy, path = self.fit_to_target(family, samples), None
        if policy is None:
            path = family.path(samples, samples.correct)
            policy = path[self.pick(path, samples)]
        target_check = self.check(policy, samples)
        if not target_check.is_met:
            path = path or family.path(samples, samples.correct)
            # one fitted to its own promise (PCEE: of those who leave early) may miss what the path reaches
            nearest = path[self.pick(path, samples)]
            if self.check(nearest, samples).shortfall < target_check.shortfall:
                policy = nearest
            target_check = self.check(policy, samples, path)
        return FittedPolicy(policy, target_check.noting(family.notes(samples, policy)))

    def check(
        self, policy: ExitPolicy, samples: ExitSamples, path: Sequence[ExitPolicy] = ()
    ) -> "TargetCheck":
        """Return whether a policy reaches the target on samples, and what the path's best would reach."""
        outcome = outcome_of(policy, samples)
        shortfall, best = self.shortfall(outcome), None
        if shortfall > 0 and path:
            best = self.nearest(outcomes_of(path, samples))
        violation = self.violation(outcome)
        return TargetCheck(self, outcome.accuracy, outcome.cost, outcome.harm, shortfall, violation, best)


@dataclass(frozen=True)
class TargetCheck:
    """Was the target reached, by how much was it missed, and what can be reached instead.

    All numbers are means over the calibration samples: estimates, no promises, except under a
    ``Guarantee``.

    Attributes:
        target: What was asked.
        accuracy: Share of right answers of the fitted policy.
        cost: Its mean cost, in the unit of the reach cost.
        harm: Its share of samples harmed.
        shortfall: How much accuracy is missing (a share) or how far the mean cost is above the
            budget; 0 when reached.
        violation: The shortfall as a share of the target.
        best: What the family can reach instead: its highest accuracy or its lowest mean cost;
            None when the target was reached, or nobody looked.
        notes: Warnings, a sentence each.
    """

    target: Target
    accuracy: float
    cost: float
    harm: float
    shortfall: float = 0.0
    violation: float = 0.0
    best: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Was the target reached?"""
        return self.shortfall <= 0

    def noting(self, notes: tuple[str, ...]) -> "TargetCheck":
        """Return the target check with further notes."""
        return replace(self, notes=self.notes + notes)

    def text(self) -> str:
        """Return the target check in one sentence."""
        target, cost = self.target, format_cost(self.cost, self.target.unit)
        reached = f"accuracy {self.accuracy:.2%} at mean cost {cost}, harm {self.harm:.2%}"
        if self.is_met:
            return f"{target.text()}: reached on the calibration samples ({reached})."
        missed = f"{target.text()}: missed by {target.format_shortfall(self.shortfall)} ({reached})."
        return (
            missed
            if self.best is None
            else f"{missed} What can be reached: {target.format_nearest(self.best)}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = ("accuracy", "cost", "harm", "shortfall", "violation", "best", "is_met")
        data: dict[str, Any] = {name: getattr(self, name) for name in names}
        return {"target": self.target.text(), **data, "notes": list(self.notes), "text": self.text()}


@dataclass(frozen=True)
class FittedPolicy:
    """A fitted policy and the target check on its target."""

    policy: ExitPolicy
    target_check: TargetCheck


def format_cost(value: float, unit: str) -> str:
    """Return a cost with its unit, as messages show it."""
    return f"{value:.4g} {unit}".rstrip()
