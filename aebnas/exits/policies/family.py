"""Families of policies: a method with its hyperparameters, to be fitted on calibration samples.

Every family is a one-parameter path of policies, from safe and expensive to fast and cheap; a target
picks one of them (``Target.fit``).  Families that can be fitted to a budget or an accuracy directly
override ``within`` or ``reaching``.

Must not import torch.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.front import accuracy_cost_front
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import leave_at_once, never_leave


class PolicyFamily(ABC):
    """A way to fit policies; holds hyperparameters, never samples."""

    needs_logits: ClassVar[bool] = False
    """Whether it looks at more than scores and answers of the exits, which are stored of every candidate."""

    @abstractmethod
    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the family's policies, the safest (most expensive) first, the cheapest last.

        Args:
            samples: The calibration samples, no others.
            good: Is leaving at exit e fine for sample n, ``(N, E)``: ``samples.correct`` or
                ``samples.harmless``.  Families that learn from the classes ignore it.
        """

    def within(self, samples: ExitSamples, max_cost: float) -> ExitPolicy | None:
        """Return the policy fitted straight at a mean cost; None: a budget picks from the path."""
        return None

    def reaching(self, samples: ExitSamples, min_accuracy: float) -> ExitPolicy | None:
        """Return the policy fitted straight at an accuracy; None: the target picks from the path."""
        return None

    def notes(self, samples: ExitSamples, policy: ExitPolicy) -> tuple[str, ...]:
        """Return warnings about a fitted policy, a sentence each."""
        return ()


def front_of(policies: Sequence[ExitPolicy], samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
    """Return the non-dominated policies and the two trivial ones if they are not, the most expensive first.

    Trivial: the last exit answers everything; the first exit answers everything.
    """
    tried = [never_leave(samples.exits), leave_at_once(samples.exits), *policies]
    rows = np.arange(len(samples))
    chosen = np.stack([policy.decide(samples.logits) for policy in tried])
    value = good[rows, chosen].mean(axis=1)
    cost = samples.reach_cost[chosen].mean(axis=1)
    return [tried[i] for i in accuracy_cost_front(value, cost)[::-1]]
