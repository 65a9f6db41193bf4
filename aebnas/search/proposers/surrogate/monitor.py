"""Monitors the surrogate: is what it predicted before each training good enough that it may propose?

Two things count, over the last generations.  *Foresight*: Kendall's tau between the
errors predicted before training and those observed, whoever proposed the candidates.
*Gain*: the hypervolume that a candidate added to the front of its day, those of the surrogate
against those of plain NSGA-II, of which every generation holds a share.  It is off while
tau is below ``min_tau``, and for ``rest`` generations once it was less likely than not to gain
more; what was counted before is then forgotten, and it is tried again.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.config.sections.surrogate import SurrogateConfig
from aebnas.search.proposers.surrogate.fitting import mean_tau

FloatArray = NDArray[np.float64]
SURROGATE, EXPLORATION, PLAIN = "surrogate", "exploration", "plain"
MIN_OBSERVED = 8
"""Candidates before tau is believed."""
MIN_GAINS = 4
"""Candidates of the surrogate, and of plain NSGA-II, before their gains are compared."""
TWO_SIDED_90 = 1.645
"""Deviations on either side that hold 90% of a normal distribution."""


@dataclass(frozen=True, eq=False)
class ObservedPrediction:
    """One candidate that was predicted, then trained."""

    generation: int
    key: str
    source: str
    predicted: FloatArray
    """Errors at every budget fraction."""
    low: FloatArray
    """Lower end of their 90% intervals."""
    high: FloatArray
    observed: FloatArray
    gain: float
    """Hypervolume it added to the front of the generations before, as a share of the box."""


class SurrogateMonitor:
    """Collects what was predicted and decides whether the surrogate proposes."""

    def __init__(self, options: SurrogateConfig) -> None:
        """Begin without prejudice: the surrogate is on until something speaks against it.

        Args:
            options: Limits and windows.
        """
        self._options = options
        self._observations: list[ObservedPrediction] = []
        self._gains_from = 0
        self._resting_until = 0
        self._why = ""

    def add(self, observations: Sequence[ObservedPrediction]) -> None:
        """Note the candidates of one generation."""
        self._observations += observations

    def decide(self, number: int) -> tuple[bool, str]:
        """Return whether the surrogate proposes in a generation, and why; asked once for each, in order."""
        if number <= self._resting_until:
            return False, f"{self._why}; tried again in generation {self._resting_until + 1}"
        tau = self.tau(number)
        if tau is not None and tau < self._options.min_tau:
            return False, f"tau {tau:.2f} is below {self._options.min_tau:g}"
        chance = self.chance(number)
        if chance is not None and chance < 0.5:
            self._resting_until = self._gains_from = number + self._options.rest - 1
            self._why = f"plain NSGA-II gained more (chance {chance:.2f})"
            return self.decide(number)
        return True, "on" if chance is None else f"gains more than plain NSGA-II with chance {chance:.2f}"

    def tau(self, number: int) -> float | None:
        """Return the tau of predictions made before training, as known before a generation."""
        recent = self.recent(number)
        if len(recent) < MIN_OBSERVED:
            return None
        return mean_tau(
            np.stack([prediction.predicted for prediction in recent]),
            np.stack([prediction.observed for prediction in recent]),
        )

    def gains(self, number: int) -> dict[str, list[float]]:
        """Return the gains of every source since the last rest, as known before a generation."""
        recent = [
            prediction for prediction in self.recent(number) if prediction.generation > self._gains_from
        ]
        return {
            source: [prediction.gain for prediction in recent if prediction.source == source]
            for source in (SURROGATE, EXPLORATION, PLAIN)
        }

    def chance(self, number: int) -> float | None:
        """Return how likely a candidate of the surrogate gains more than a plain one; ties count half."""
        gains = self.gains(number)
        ours, theirs = np.asarray(gains[SURROGATE]), np.asarray(gains[PLAIN])
        if min(len(ours), len(theirs)) < MIN_GAINS:
            return None
        difference = ours[:, None] - theirs[None]
        return float((difference > 0).mean() + (difference == 0).mean() / 2)

    def calibration(self, number: int) -> tuple[float, float] | None:
        """Return the mean of observed minus predicted, and the share that came within the 90% intervals."""
        recent = self.recent(number)
        if not recent:
            return None
        off = np.stack([prediction.observed - prediction.predicted for prediction in recent])
        inside = np.stack(
            [
                (prediction.low <= prediction.observed) & (prediction.observed <= prediction.high)
                for prediction in recent
            ]
        )
        return float(off.mean()), float(inside.mean())

    def recent(self, number: int) -> list[ObservedPrediction]:
        """Return the candidates of the ``window`` generations before one."""
        return [
            prediction
            for prediction in self._observations
            if number - self._options.window <= prediction.generation < number
        ]
