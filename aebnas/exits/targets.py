"""What a policy is fitted to reach, in the user's words, and whether it was reached.

Must not import torch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from aebnas.errors import DataError


@dataclass(frozen=True)
class Budget:
    """The best accuracy with a mean cost per sample of at most ``max_cost``.

    Attributes:
        max_cost: In the unit of the samples' reach cost.
        unit: For messages alone: ``MACs``, ``ms``, ``mJ``.
    """

    max_cost: float
    unit: str = ""

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            DataError: It is NaN.
        """
        if np.isnan(self.max_cost):
            raise DataError("The budget must be a number, but got NaN.")

    def words(self) -> str:
        """Return the target in words."""
        return f"mean cost <= {_cost(self.max_cost, self.unit)}"


@dataclass(frozen=True)
class Accuracy:
    """The lowest mean cost with a share of right answers of at least ``min_accuracy`` (0 to 1)."""

    min_accuracy: float
    unit: str = ""

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            DataError: It is no share.
        """
        if not 0 <= self.min_accuracy <= 1:
            raise DataError(f"`0 <= accuracy <= 1` must hold, but got {self.min_accuracy}.")

    def words(self) -> str:
        """Return the target in words."""
        return f"accuracy >= {self.min_accuracy:.2%}"


@dataclass(frozen=True)
class Guarantee:
    """The lowest mean cost at which early answers do harm to at most ``max_harm`` of the samples.

    Harm: the early answer is wrong and the last exit's is right.

    Attributes:
        max_harm: Share of samples, 0 < ``max_harm`` < 1.
        confidence: The probability, over calibration sets, with which the promise holds
            (learn-then-test); None: the expected harm keeps to it (conformal risk control).
    """

    max_harm: float
    confidence: float | None = 0.9
    unit: str = ""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is no share between 0 and 1.
        """
        if not 0 < self.max_harm < 1:
            raise DataError(f"`0 < max_harm < 1` must hold, but got {self.max_harm}.")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise DataError(f"`0 < confidence < 1` must hold, but got {self.confidence}.")

    def words(self) -> str:
        """Return the target in words."""
        if self.confidence is None:
            return f"expected harm <= {self.max_harm:.2%}"
        return f"harm <= {self.max_harm:.2%} with confidence {self.confidence:.0%}"


Target = Budget | Accuracy | Guarantee


@dataclass(frozen=True)
class Verdict:
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
        best: What the family can reach instead: its highest accuracy or its lowest mean cost;
            None when the target was reached, or nobody looked.
        notes: Warnings, a sentence each.
    """

    target: Target
    accuracy: float
    cost: float
    harm: float
    shortfall: float = 0.0
    best: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_met(self) -> bool:
        """Was the target reached?"""
        return self.shortfall <= 0

    def words(self) -> str:
        """Return the verdict in one sentence."""
        unit = self.target.unit
        reached = f"accuracy {self.accuracy:.2%} at mean cost {_cost(self.cost, unit)}, harm {self.harm:.2%}"
        if self.is_met:
            return f"{self.target.words()}: reached on the calibration samples ({reached})."
        is_accuracy = isinstance(self.target, Accuracy)
        missing = f"{100 * self.shortfall:.2f} points" if is_accuracy else _cost(self.shortfall, unit)
        missed = f"{self.target.words()}: missed by {missing} ({reached})."
        if self.best is None:
            return missed
        best = (
            f"an accuracy of {self.best:.2%}" if is_accuracy else f"a mean cost of {_cost(self.best, unit)}"
        )
        return f"{missed} What can be reached: {best}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = ("accuracy", "cost", "harm", "shortfall", "best", "is_met")
        data: dict[str, Any] = {name: getattr(self, name) for name in names}
        return {"target": self.target.words(), **data, "notes": list(self.notes), "words": self.words()}


def _cost(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()
