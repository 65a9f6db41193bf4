"""PCEE: leave where samples of such a score were right often enough.

Per exit, steps of the score with the accuracy of the calibration samples in them; a sample leaves
at the first exit whose step reaches ``delta``; the last exit always answers.  Promise: those who
leave early are right with probability ``delta``, if calibration generalises.
Source: arXiv 2412.19325 (PCEE: 20 equal-mass bins; PCEE-WS: smoothed over neighbours).

Must not import torch.
"""

from dataclasses import dataclass

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, ScoreArray
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import check_score
from aebnas.exits.core.switch_policy import SwitchPolicy, switches_where
from aebnas.exits.policies.drift import drifted_bins
from aebnas.exits.policies.family import PolicyFamily, front_of
from aebnas.exits.policies.score_steps import ScoreSteps, equal_mass_steps, nearest_steps, smallest_useful_bin

_NEIGHBOURS_SHARE = 20  # without a number, smoothing averages as many samples as a bin of 20 holds
_FEWEST_NEIGHBOURS = 50


@dataclass(frozen=True)
class Pcee(PolicyFamily):
    """PCEE, or with ``is_smoothed`` PCEE-WS.

    Attributes:
        score: A key of ``SCORES``.
        bins: Equal-mass bins per exit.
        is_smoothed: Average over neighbours in score instead of bins.
        neighbours: How many; None: a twentieth of the samples, at least 50.
        lower_bound: Use the one-sided Clopper-Pearson lower bound at this confidence, in each
            step, in place of the plain rate; steps grow until the bound can reach ``delta``.
        is_sequential: Fill the steps of an exit from the samples that still arrive there under
            the decisions of the earlier exits, instead of from all samples as in the paper.
        max_points: Settings of ``delta`` on the path.
    """

    score: str = "confidence"
    bins: int = 20
    is_smoothed: bool = False
    neighbours: int | None = None
    lower_bound: float | None = None
    is_sequential: bool = False
    max_points: int = 60

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is out of range, or the score is unknown.
        """
        check_score(self.score)
        if self.bins < 1 or (self.neighbours is not None and self.neighbours < 1) or self.max_points < 1:
            raise DataError("`bins`, `neighbours` and `max_points` must be at least 1.")
        if self.lower_bound is not None and not 0 < self.lower_bound < 1:
            raise DataError(f"`0 < lower_bound < 1` must hold, but got {self.lower_bound}.")

    def at(self, samples: ExitSamples, good: BoolArray, delta: float) -> SwitchPolicy:
        """Return the policy of one ``delta``: leave where the estimate is at least ``delta``."""
        arriving = np.ones(len(samples), dtype=np.bool_)
        switches: list[tuple[float, ...]] = []
        for i in range(samples.exits - 1):
            if not arriving.any():
                switches.append(())  # nobody came, nothing is known
                continue
            scores = samples.logits.score(self.score, i)
            steps = self.steps(scores[arriving], good[arriving, i], delta)
            switches.append(switches_where(steps.edges, steps.estimate(self.lower_bound) >= delta))
            if self.is_sequential:
                policy = SwitchPolicy(self.score, tuple(switches))
                arriving = policy.decide(samples.logits.upto(i + 2)) > i
        return SwitchPolicy(self.score, tuple(switches))

    def steps(self, scores: ScoreArray, good: BoolArray, delta: float) -> ScoreSteps:
        """Return the steps of one exit, ``scores`` and ``good`` of shape ``(N,)``."""
        smallest = smallest_useful_bin(delta, self.lower_bound)
        if not self.is_smoothed:
            return equal_mass_steps(scores, good, self.bins, smallest)
        neighbours = self.neighbours or max(_FEWEST_NEIGHBOURS, len(scores) // _NEIGHBOURS_SHARE)
        return nearest_steps(scores, good, max(neighbours, smallest))

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the policies of falling ``delta``, dominated ones left out."""
        policies = [self.at(samples, good, float(delta)) for delta in self._deltas(samples, good)]
        return front_of(policies, samples, good)

    def reaching(self, samples: ExitSamples, min_accuracy: float) -> ExitPolicy | None:
        """Return the policy whose ``delta`` is the accuracy asked for."""
        return self.at(samples, samples.correct, min_accuracy)

    def notes(self, samples: ExitSamples, policy: ExitPolicy) -> tuple[str, ...]:
        """Name the exits that can never fire, and bins that mean something else to those who arrive."""
        if not isinstance(policy, SwitchPolicy):
            return ()
        silent = [i for i, row in enumerate(policy.switches) if not row]
        notes = [f"Exit {i} can never fire: no score there is right often enough." for i in silent]
        flags = drifted_bins(policy, samples, self.score, self.bins)
        if flags:
            worst = max(flags, key=lambda flag: abs(flag.standard_errors))
            notes.append(
                f"{len(flags)} bins differ by more than 2 standard errors between all samples and those "
                f"that arrive; most at exit {worst.exit_index}, scores from {worst.low:.4f}: "
                f"{worst.rate_all:.1%} of all are right, {worst.rate_arriving:.1%} of those that arrive."
            )
        return tuple(notes)

    def _deltas(self, samples: ExitSamples, good: BoolArray) -> list[float]:
        """Return the settings at which a decision changes, evenly thinned."""
        rates = [
            self.steps(samples.logits.score(self.score, i), good[:, i], 0.0).rate
            for i in range(samples.exits - 1)
        ]
        distinct = np.unique(np.concatenate([*rates, [0.0]]))
        kept = np.linspace(0, len(distinct) - 1, min(self.max_points, len(distinct))).round().astype(np.intp)
        deltas: list[float] = distinct[kept].tolist()
        return deltas
