"""What a network's time is composed of, and the factors that weigh it.

    t(e) = sum over types of factor(type) * sum of latency_ms up to exit e
         + cold_layers * sum of latency_ms * x
         + sum over types of cold_weights(type) * sum of MB of weights * x
         + entry * entry_ms + segment * segment_ms * e + decision * decision_ms * d(e)
         + handover_ms_per_mb * sum of MB of the features that segments before e hand on

d(e): decisions on the way, one per exit but the last.  Features handed on leave one segment's memory
layout and enter the next one's.  x: what share of a layer's memory a network finds outside the cache,
while the layer measured alone finds it inside:

    x = max(0, N(S(e)) - A(s))
    N(S) = 0 up to a third of cache_mb, 1 from cache_mb on, straight between: who goes through more than
           the cache holds, in a circle, finds nothing of the last round in it
    A(s) = max(0, 1 - 0.6 * cache_mb / s): one layer goes over its weights in tiles and keeps a part

s: MB of the layer alone, the weights that it reads (not those that meet padding alone) and activations.
S(e): MB that a run which stops at e uses, all weights that it reads and, of each segment, the largest
activation.  The shapes of N and A are those that hats over S, fitted for layers of several sizes, drew on
networks of cifar10_mbconv that no shipped profile is judged by.
All factors are >= 0: a later exit never costs less.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.hardware.profile.profile_schema import Correction, Overhead

FloatArray = NDArray[np.float64]
HANDOVER = "handover_ms_per_mb"
FIRST_MISSES = 1 / 3
"""Share of the cache from which on a network pushes out what it needs again."""
KEPT_ALONE = 0.6
"""Share of the cache that a layer measured alone keeps of itself."""


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
    """The terms that are not told apart by type, by their factor's name."""
    cold_weights: dict[str, FloatArray]
    """Sum of MB of weights * x, by layer type; empty without a cache."""

    @classmethod
    def of(cls, segments: Sequence[SegmentTerms], overhead: Overhead, cache_mb: float) -> LatencyTerms:
        """Return the terms of a network whose layers are known, segment by segment."""
        types = sorted({kind for segment in segments for kind in segment.types})
        by_type = {kind: np.cumsum([_of_type(segment, kind) for segment in segments]) for kind in types}
        exits = np.arange(1, len(segments) + 1)
        handed = np.array([segment.output_mb for segment in segments])
        others = {
            "entry": np.full(len(segments), overhead.entry_ms),
            "segment": overhead.segment_ms * exits,
            "decision": overhead.decision_ms * np.minimum(exits, len(segments) - 1),
            HANDOVER: np.cumsum(handed) - handed,
        }
        cold_weights: dict[str, FloatArray] = {}
        if cache_mb > 0:
            cold = _cold(segments, cache_mb)
            others["cold_layers"] = cold @ np.concatenate([segment.latency_ms for segment in segments])
            weights = np.concatenate([segment.weights_mb for segment in segments])
            owned = np.array([kind for segment in segments for kind in segment.types])
            cold_weights = {kind: cold @ np.where(owned == kind, weights, 0.0) for kind in types}
        return cls(by_type, others, cold_weights)

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
        for kind, sums in self.cold_weights.items():
            factor = correction.cold_weights_by_type.get(kind, correction.cold_weights_ms_per_mb)
            reach = reach + factor * sums
        return reach


def _of_type(segment: SegmentTerms, kind: str) -> float:
    return sum(
        (
            float(ms)
            for layer_type, ms in zip(segment.types, segment.latency_ms, strict=True)
            if layer_type == kind
        ),
        0.0,
    )


def _cold(segments: Sequence[SegmentTerms], cache_mb: float) -> FloatArray:
    """Return x of every layer in a run to each exit, 0 behind it; shape ``(exits, layers)``."""
    used = np.cumsum([segment.used_mb for segment in segments])
    weights = np.concatenate([segment.weights_mb for segment in segments])
    alone = weights + np.concatenate([segment.activation_mb for segment in segments])
    cold: FloatArray = np.maximum(
        _missed_in_network(used, cache_mb)[:, None] - _missed_alone(alone, cache_mb), 0
    )
    owner = np.repeat(np.arange(len(segments)), [len(segment.types) for segment in segments])
    cold[owner > np.arange(len(segments))[:, None]] = 0.0  # layers behind the exit
    return cold


def _missed_in_network(used_mb: FloatArray, cache_mb: float) -> FloatArray:
    first = FIRST_MISSES * cache_mb
    missed: FloatArray = np.clip((used_mb - first) / (cache_mb - first), 0.0, 1.0)
    return missed


def _missed_alone(size_mb: FloatArray, cache_mb: float) -> FloatArray:
    kept = KEPT_ALONE * cache_mb
    missed: FloatArray = 1.0 - kept / np.maximum(size_mb, kept)
    return missed
