"""How often an exit is right, as a step function of its score.

Two estimates: equal-mass bins, and the mean over the nearest calibration samples.  Both see scores
through their order alone and have their edges at observed scores, so that any strictly increasing
transform of the scores leaves every decision unchanged.
Source: PCEE and PCEE-WS, arXiv 2412.19325.

Must not import torch.
"""

import math
from dataclasses import dataclass

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray, ScoreArray


@dataclass(frozen=True, eq=False)
class ScoreSteps:
    """Steps of the score, ascending, and the calibration samples that speak for each.

    Attributes:
        edges: Lower end of each step, an observed score, ``(B,)``; the first reaches down to -inf.
        count: Samples that speak for the step, ``(B,)``.
        good: How many of them are good, ``(B,)``.
    """

    edges: FloatArray
    count: IntArray
    good: IntArray

    @property
    def rate(self) -> FloatArray:
        """Share of good samples, ``(B,)``."""
        return self.good / self.count

    def estimate(self, confidence: float | None) -> FloatArray:
        """Return the rate, or its one-sided Clopper-Pearson lower bound, ``(B,)``."""
        if confidence is None:
            return self.rate
        failing = 1 - confidence
        from scipy.stats import beta  # 0.3 s: where it is needed alone

        bound = beta.ppf(failing, np.maximum(self.good, 1), self.count - self.good + 1)
        return np.where(self.good > 0, bound, 0.0)


def smallest_useful_bin(delta: float, confidence: float | None) -> int:
    """Return how many samples a step needs for its estimate to be able to reach ``delta``.

    The bound of n samples without a failure is ``(1 - confidence) ** (1 / n)``: with 50 samples
    and 95%, 0.942.  With ``delta`` = 1 no number suffices; the answer is then 2^62.
    """
    if confidence is None or delta <= 0:
        return 1
    if delta >= 1:
        return 1 << 62
    needed = math.ceil(math.log(1 - confidence) / math.log(delta) - 1e-9)
    return max(1, needed)


def equal_mass_steps(scores: ScoreArray, good: BoolArray, bins: int, smallest: int = 1) -> ScoreSteps:
    """Return bins with about equally many samples.

    Args:
        scores: One exit's scores, ``(N,)``, N >= 1.
        good: ``(N,)``.
        bins: At most so many; equal scores share a bin.
        smallest: Bins with fewer samples are merged with the bin below, the lowest with the one
            above; with fewer samples in all there is one bin.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    samples = len(ranked)
    steps = max(1, min(bins, samples // smallest))
    cuts = np.unique(np.searchsorted(ranked, ranked[np.arange(steps) * samples // steps], side="left"))
    starts = _merged(cuts, samples, smallest)
    ends = np.append(starts[1:], samples)
    totals = np.concatenate([[0], np.cumsum(good[order])])
    return ScoreSteps(ranked[starts], ends - starts, totals[ends] - totals[starts])


def nearest_steps(scores: ScoreArray, good: BoolArray, neighbours: int) -> ScoreSteps:
    """Return one step per distinct score, each with the samples nearest in rank.

    Args:
        scores: One exit's scores, ``(N,)``, N >= 1.
        good: ``(N,)``.
        neighbours: Samples per step, half on either side; samples of equal score count together,
            which may make it more.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order].astype(np.float64)
    samples = len(ranked)
    width = min(neighbours, samples)
    edges = np.unique(ranked)
    first = np.searchsorted(ranked, edges, side="left")
    after = np.searchsorted(ranked, edges, side="right")
    low = np.clip((first + after - width) // 2, 0, samples - width)
    high = np.maximum(low + width, after)
    low = np.minimum(low, first)
    # whole groups of equal scores: otherwise the order of the samples would decide
    low = np.searchsorted(ranked, ranked[low], side="left")
    high = np.searchsorted(ranked, ranked[high - 1], side="right")
    totals = np.concatenate([[0], np.cumsum(good[order])])
    return ScoreSteps(edges, high - low, totals[high] - totals[low])


def _merged(starts: IntArray, samples: int, smallest: int) -> IntArray:
    """Merge bins, from the most confident down, until each holds ``smallest`` samples."""
    kept: list[int] = []
    end = samples
    for start in reversed(starts.tolist()):
        if end - start >= smallest:
            kept.append(start)
            end = start
    if end > 0:  # too few are left over: they join the lowest bin kept
        kept[-1:] = [0]
    return np.array(kept[::-1], dtype=np.int64)
