"""An exit policy in one file: leave once the mean answer of all exits so far is sure enough."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from aebnas.extending import (
    BoolArray,
    ExitLogits,
    ExitPolicy,
    ExitSamples,
    FloatArray,
    PlainPolicy,
    PolicyFamily,
    front_of,
)


def certainty(logits: ExitLogits, exit_index: int) -> FloatArray:
    """Return the largest probability of the mean answer of exits 0 to ``exit_index``, ``(N,)``."""
    answers = np.stack([logits.probabilities(i) for i in range(exit_index + 1)])
    largest: FloatArray = answers.mean(axis=0).max(axis=1)
    return largest


@dataclass(frozen=True)
class SteadyPolicy(PlainPolicy):
    """Leave at the first exit at which ``certainty`` is at least ``threshold``."""

    threshold: float

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        confident: BoolArray = certainty(logits, exit_index) >= self.threshold
        return confident


@dataclass(frozen=True)
class Steady(PolicyFamily):
    """Thresholds at quantiles of the certainty."""

    needs_logits: ClassVar[bool] = True

    cuts: Annotated[int, Field(ge=1, le=1000)] = 60

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the policies that no other dominates, the most expensive first."""
        seen = [certainty(samples.logits, i) for i in range(samples.exits - 1)]
        cuts = np.quantile(np.concatenate(seen), np.linspace(0, 1, self.cuts)) if seen else np.empty(0)
        return front_of([SteadyPolicy(samples.exits, float(t)) for t in np.unique(cuts)], samples, good)
