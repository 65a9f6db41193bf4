"""Tuned thresholds on confidence, entropy or margin: the whole accuracy-cost front of a network.

Promises nothing.

Must not import torch.
"""

from dataclasses import dataclass

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.front import thin
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import check_score
from aebnas.exits.core.threshold_policy import threshold_policies
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.thresholds.tuners import EXACT, Tuner


@dataclass(frozen=True)
class TunedThresholds(PolicyFamily):
    """One threshold per exit, tuned together.

    Attributes:
        score: A key of ``SCORES``.
        tuner: Finds the thresholds.
        max_points: A longer front is thinned to so many policies, spread evenly along it; the
            cheapest and the most accurate stay.
    """

    score: str = "confidence"
    tuner: Tuner = EXACT
    max_points: int = 400

    def __post_init__(self) -> None:
        """Check the score and the number.

        Raises:
            DataError: The score is unknown, or fewer than two policies are asked for.
        """
        check_score(self.score)
        if self.max_points < 2:
            raise DataError(f"`max_points >= 2` must hold, but got {self.max_points}.")

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the front in the tuner's estimate, the most expensive first."""
        front = self.tuner.front(samples.logits.scores(self.score), good, samples.reach_cost)
        kept = front.thresholds[thin(front.value, front.cost, self.max_points)]
        return [*threshold_policies(self.score, np.flip(kept, axis=0))]
