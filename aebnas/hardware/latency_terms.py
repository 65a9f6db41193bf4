"""What a network's time is composed of, and the factors that weigh it.

    t(e) = sum over types of factor(type) * sum of latency_ms up to exit e
         + cold_layers * sum of latency_ms * x + cold_weights_ms_per_mb * sum of MB * x
         + entry * entry_ms + segment * segment_ms * e + decision * decision_ms * d(e)
         + handover_ms_per_mb * sum of MB of the features that segments before e hand on

d(e): decisions on the way, one per exit but the last.  Features handed on leave one segment's memory
layout and enter the next one's.  x: what share of a layer's memory a network
finds outside the cache, while the layer measured alone finds it inside:
x = max(0, miss(S(e)) - miss(s)) with miss(size) = max(0, 1 - cache_mb / size), the miss rate of a
cache with random replacement under cyclic use.  s: MB of the layer alone, the weights that it reads
(not those that meet padding alone) and activations;
S(e): MB that a run which stops at e uses, all weights that it reads and, of each segment, the largest
activation.
All factors are >= 0: a later exit never costs less.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.hardware.profile_schema import Correction, Overhead

FloatArray = NDArray[np.float64]
COLD_FACTORS = ("cold_layers", "cold_weights_ms_per_mb")
"""Factors that play no part without a cache."""


@dataclass(frozen=True)
class SegmentTerms:
    """The layers of one segment."""

    types: tuple[str, ...]
    latency_ms: FloatArray
    weights_mb: FloatArray
    """Read in one call."""
    activation_mb: FloatArray
    output_mb: float = 0.0
    """Features that the next segment gets."""

    @property
    def used_mb(self) -> float:
        """Return the memory that the segment goes through."""
        return float(self.weights_mb.sum() + self.activation_mb.max(initial=0.0))


@dataclass(frozen=True)
class LatencyTerms:
    """What the factors of a ``Correction`` multiply, one value per exit each."""

    by_type: dict[str, FloatArray]
    """Sum of the layers in ms, by layer type."""
    others: dict[str, FloatArray]
    """The other terms, by their factor's name."""

    @classmethod
    def of(
        cls, segments: Sequence[SegmentTerms], overhead: Overhead, cache_mb: float, has_handover: bool
    ) -> LatencyTerms:
        """Return the terms of a network whose layers are known, segment by segment."""
        types = sorted({kind for segment in segments for kind in segment.types})
        by_type = {kind: np.cumsum([_of_type(segment, kind) for segment in segments]) for kind in types}
        exits = np.arange(1, len(segments) + 1)
        others = {
            "entry": np.full(len(segments), overhead.entry_ms),
            "segment": overhead.segment_ms * exits,
            "decision": overhead.decision_ms * np.minimum(exits, len(segments) - 1),
        }
        if has_handover:
            handed = np.array([segment.output_mb for segment in segments])
            others["handover_ms_per_mb"] = np.cumsum(handed) - handed
        if cache_mb > 0:
            others |= dict(zip(COLD_FACTORS, _cold(segments, cache_mb), strict=True))
        return cls(by_type, others)

    @property
    def layers(self) -> FloatArray:
        """Return the sum of all layers in ms."""
        total: FloatArray = np.sum(list(self.by_type.values()), axis=0)
        return total

    def reach_ms(self, correction: Correction) -> FloatArray:
        """Return the milliseconds of a run that stops at each exit, shape ``(exits,)``, rising."""
        reach = np.zeros(len(self.others["entry"]))
        for kind, sums in self.by_type.items():
            reach = reach + correction.by_type.get(kind, correction.layers) * sums
        for name, values in self.others.items():
            reach = reach + getattr(correction, name) * values
        return reach


def _of_type(segment: SegmentTerms, kind: str) -> float:
    return sum(
        (float(ms) for one, ms in zip(segment.types, segment.latency_ms, strict=True) if one == kind), 0.0
    )


def _cold(segments: Sequence[SegmentTerms], cache_mb: float) -> tuple[FloatArray, FloatArray]:
    """Return latency and weights of the layers up to each exit, weighted with x."""
    used = np.cumsum([segment.used_mb for segment in segments])
    ms = np.concatenate([segment.latency_ms for segment in segments])
    weights = np.concatenate([segment.weights_mb for segment in segments])
    alone = _miss(weights + np.concatenate([segment.activation_mb for segment in segments]), cache_mb)
    cold = np.maximum(_miss(used, cache_mb)[:, None] - alone, 0.0)
    owner = np.repeat(np.arange(len(segments)), [len(segment.types) for segment in segments])
    cold[owner > np.arange(len(segments))[:, None]] = 0.0  # layers behind the exit
    return cold @ ms, cold @ weights


def _miss(size_mb: FloatArray, cache_mb: float) -> FloatArray:
    missed: FloatArray = 1.0 - cache_mb / np.maximum(size_mb, cache_mb)
    return missed
