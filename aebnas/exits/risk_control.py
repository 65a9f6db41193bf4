"""Promises on harm, for any path of policies from safe to fast.

Learn-then-test walks the path and stops at the first setting whose harm might be too large; it
keeps the one BEFORE.  With probability ``confidence`` over the test samples, the harm of what it
keeps is at most ``max_harm``.  Source: arXiv 2110.01052, fixed-sequence testing with the exact
binomial p-value; harm is 0 or 1, as that p-value needs.

Conformal risk control bounds the expected harm instead.  Its loss must not fall from safe to
fast, so each sample's loss is replaced by the largest of the settings walked so far.
Source: arXiv 2208.02814.

The path must not depend on the samples that test it.  Must not import torch.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples


def harm_of(policies: Sequence[ExitPolicy], samples: ExitSamples) -> BoolArray:
    """Return whether each policy harms each sample, ``(P, N)``."""
    rows = np.arange(len(samples))
    harmed = [~samples.harmless[rows, policy.decide(samples.logits)] for policy in policies]
    return np.array(harmed, dtype=np.bool_).reshape(len(policies), len(samples))


def learn_then_test(harm: BoolArray, max_harm: float, confidence: float) -> int | None:
    """Return the last setting before the first that the test does not clear.

    Args:
        harm: Does setting p harm test sample n, ``(P, N)``, settings from safe to fast.
        max_harm: The harm promised, a share.
        confidence: The probability of keeping the promise.

    Returns:
        The setting's position; None when even the first is not cleared.
    """
    samples = harm.shape[1]
    p_values = binom.cdf(harm.sum(axis=1), samples, max_harm)
    failed = np.flatnonzero(p_values > 1 - confidence)
    kept = int(failed[0]) - 1 if failed.size else len(harm) - 1
    return kept if kept >= 0 else None


def conformal_risk_control(harm: BoolArray, max_harm: float) -> int | None:
    """Return the fastest setting whose expected harm is at most ``max_harm``.

    Args:
        harm: ``(P, N)``, settings from safe to fast; made non-decreasing along the path.
        max_harm: The bound on the expectation, a share.

    Returns:
        The setting's position; None when even the first is not cleared.
    """
    samples = harm.shape[1]
    worst_so_far = np.logical_or.accumulate(harm, axis=0).sum(axis=1)
    cleared = np.flatnonzero((worst_so_far + 1) / (samples + 1) <= max_harm)
    return int(cleared[-1]) if cleared.size else None


def samples_needed(max_harm: float, confidence: float | None) -> int:
    """Return the smallest number of test samples with which any early answer can be cleared."""
    if confidence is None:
        return math.ceil(1 / max_harm) - 1
    return math.ceil(math.log(1 - confidence) / math.log(1 - max_harm))
