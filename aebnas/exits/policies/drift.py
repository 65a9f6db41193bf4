"""Drifted bins: their accuracy among the samples that arrive is not that among all.

Exits filter: the samples that reach a later exit are harder than all samples, so the accuracy in
a bin may differ: so PCEE can fail.

Must not import torch.
"""

from dataclasses import dataclass

import numpy as np

from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.score_steps import equal_mass_steps

_FLAGGED = 2.0


@dataclass(frozen=True)
class DriftedBin:
    """One bin of one exit whose accuracy differs between all samples and those that arrive.

    Attributes:
        exit_index: The exit.
        low: The bin's lowest score.
        rate_all: Share of right answers among all samples in the bin.
        rate_arriving: The same among those that arrive.
        standard_errors: The difference, arriving minus all, in standard errors.
    """

    exit_index: int
    low: float
    rate_all: float
    rate_arriving: float
    standard_errors: float


def drifted_bins(policy: ExitPolicy, samples: ExitSamples, score: str, bins: int = 20) -> list[DriftedBin]:
    """Return the equal-mass bins with a difference of more than 2 standard errors.

    Those that arrive are a part of all, so the variance of the difference is
    ``p (1 - p) (1 / arriving - 1 / all)``.

    Args:
        policy: Decides who arrives.
        samples: The samples compared.
        score: A key of ``SCORES``.
        bins: Per exit.
    """
    chosen = policy.decide(samples.logits)
    flags: list[DriftedBin] = []
    for i in range(1, samples.exits - 1):
        scores, right = samples.logits.score(score, i), samples.correct[:, i]
        steps = equal_mass_steps(scores, right, bins)
        cell = np.maximum(np.searchsorted(steps.edges, scores.astype(np.float64), side="right") - 1, 0)
        arrives = chosen >= i
        count = np.bincount(cell[arrives], minlength=len(steps.edges))
        correct = np.bincount(cell[arrives], right[arrives], minlength=len(steps.edges))
        for j in np.flatnonzero((count > 0) & (count < steps.count)):
            rate, here = float(steps.rate[j]), float(correct[j] / count[j])
            spread = (rate * (1 - rate) * (1 / count[j] - 1 / steps.count[j])) ** 0.5
            if spread > 0 and abs(here - rate) > _FLAGGED * spread:
                flags.append(DriftedBin(i, float(steps.edges[j]), rate, here, float((here - rate) / spread)))
    return flags
