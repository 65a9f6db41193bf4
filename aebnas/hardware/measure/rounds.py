"""Interleaved rounds: everything once, in random order, again and again, until medians are stable.

Measuring one thing after the other would book the machine's slow drift on whatever
happened to run then; interleaving books it on all alike.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aebnas.hardware.devices.clock import Clock

CHUNK_NS = 1.2e6
"""Length of one chunk of calls: the unit of a sample."""
MIN_CALLS, MAX_CALLS = 7, 80
MIN_ROUNDS, MAX_ROUNDS = 9, 25
TOLERANCE = 0.005
"""Standard error of the median, as a share of it, below which a layer is stable."""
RESOLUTION_NS = 25.0
"""The same in nanoseconds: no clock here tells less."""


def sample_ns(clock: Clock) -> float:
    """Return the median of one chunk of calls, in nanoseconds."""
    probe = float(np.min(clock(3)))
    calls = int(np.clip(CHUNK_NS / max(probe, 1.0), MIN_CALLS, MAX_CALLS))
    return float(np.median(clock(calls)))


def is_stable(samples: Sequence[float]) -> bool:
    """Return whether more rounds would hardly move the median.

    The standard error of a median is 1.2533 sigma / sqrt(n); sigma from the interquartile range.
    """
    count = len(samples)
    if count < MIN_ROUNDS:
        return False
    if count >= MAX_ROUNDS:
        return True
    error = standard_error(samples)
    return error <= max(TOLERANCE * float(np.median(samples)), RESOLUTION_NS)


def standard_error(samples: Sequence[float]) -> float:
    """Return the standard error of the samples' median, in their unit."""
    low, high = np.percentile(samples, [25, 75])
    sigma = (high - low) / 1.349
    return float(1.2533 * sigma / np.sqrt(len(samples)))
