"""The lowest mean cost with a share of right answers.

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
from aebnas.exits.targets.target import Target


@dataclass(frozen=True)
class Accuracy(Target):
    """The lowest mean cost with a share of right answers of at least ``min_accuracy`` (0 to 1)."""

    min_accuracy: float

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            DataError: It is no share.
        """
        if not 0 <= self.min_accuracy <= 1:
            raise DataError(f"`0 <= accuracy <= 1` must hold, but got {self.min_accuracy}.")

    @property
    def amount(self) -> float:
        """The accuracy asked for."""
        return self.min_accuracy

    def text(self) -> str:
        """Return the target in words."""
        return f"accuracy >= {self.min_accuracy:.2%}"

    def pick(self, path: Sequence[ExitPolicy], samples: ExitSamples) -> int:
        """Return the cheapest policy that is accurate enough, else the most accurate."""
        outcomes = outcomes_of(path, samples)
        cost, accuracy = outcomes.cost, outcomes.accuracy
        reaching = accuracy >= self.min_accuracy
        return int(np.where(reaching, cost, np.inf).argmin() if reaching.any() else accuracy.argmax())

    def fit_to_target(self, family: PolicyFamily, samples: ExitSamples) -> ExitPolicy | None:
        """Return what the family itself makes of an accuracy."""
        return family.reaching(samples, self.min_accuracy)

    def shortfall(self, outcome: PolicyOutcome) -> float:
        """Return how much accuracy is missing, a share."""
        return max(0.0, self.min_accuracy - outcome.accuracy)

    def format_shortfall(self, shortfall: float) -> str:
        """Return the missing accuracy in points."""
        return f"{100 * shortfall:.2f} points"

    def nearest(self, outcomes: Outcomes) -> float:
        """Return the highest accuracy."""
        return float(outcomes.accuracy.max())

    def format_nearest(self, value: float) -> str:
        """Return the highest accuracy in words."""
        return f"an accuracy of {value:.2%}"
