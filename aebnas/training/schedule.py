"""The one-cycle learning rate."""

from __future__ import annotations

import math

START_DIVISOR = 25.0
END_DIVISOR = 1e4


def one_cycle(step: int, steps: int, peak: float, warmup: float) -> float:
    """Return the learning rate of a step: cosine up from ``peak / 25``, cosine down to ``peak / 1e4``.

    Args:
        step: 0 .. ``steps - 1``.
        steps: Number of steps of the whole training.
        peak: Largest learning rate.
        warmup: Share of the steps in which the rate rises.

    Source: arXiv 1708.07120, with cosine annealing.
    """
    rise = warmup * steps
    if step < rise:
        return _cosine(peak / START_DIVISOR, peak, step / rise)
    return _cosine(peak, peak / END_DIVISOR, (step - rise) / max(1.0, steps - 1 - rise))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2
