"""The profiler: every layer of a space on one device, into a table that was checked on networks.

Layers are measured in batches of about 200 in interleaved rounds; every round is
appended to NAME.samples.csv, so that a kill loses one round at most and the same
command continues.  The anchor network is timed with every round: a batch that ran
while the machine was 3% slower is scaled back by 3%.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from aebnas.blocks.layer import Layer
from aebnas.hardware.cost.cost import layer_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import empty_clock, ends, layer_clock
from aebnas.hardware.measure.monitor import Monitor
from aebnas.hardware.measure.network_clock import anchor_clock
from aebnas.hardware.measure.rounds import is_stable, sample_ns, standard_error
from aebnas.hardware.measure.samples import ANCHOR_NAME, Sample, SampleFile, empty_name
from aebnas.hardware.profile.profile_table import LayerRow, rounded

BATCH = 200
"""Layers that are ready to run at one time."""
FLOOR_NS = 1.0
"""A layer cannot be faster; one that measures so is lost in the empty call's noise."""
Progress = Callable[[int, int], None]
"""Told how many layers are done, and of how many."""


@dataclass
class LayerProfiler:
    """Measures layers on one target, and keeps the samples."""

    target: Target
    samples: SampleFile
    monitor: Monitor
    known_anchor_ns: float | None = None
    """The anchor of an existing table that is extended: new rows are scaled to it."""
    batch_size: int = BATCH

    def measure(self, layers: Sequence[Layer], progress: Progress) -> None:
        """Measure until every layer is stable; what the samples hold already counts.

        Args:
            layers: Distinct layers.
            progress: Told after every round.

        Raises:
            HardwareError: The samples cannot be written.
        """
        pending = [layer for layer in layers if not self._is_done(layer)]
        done = len(layers) - len(pending)
        progress(done, len(layers))
        rng = np.random.default_rng(self.samples.batches)
        order = rng.permutation(len(pending))
        for start in range(0, len(order), self.batch_size):
            batch = [pending[i] for i in order[start : start + self.batch_size]]
            self._measure_batch(batch, rng, partial(_add, progress, done, len(layers)))
            done += len(batch)
            progress(done, len(layers))

    def _measure_batch(
        self, batch: list[Layer], rng: np.random.Generator, progress: Callable[[int], None]
    ) -> None:
        number = self.samples.batches
        clocks = [layer_clock(layer, self.target) for layer in batch]
        anchor = anchor_clock(self.target)
        places = dict.fromkeys(end for layer in batch for end in ends(layer, self.target))
        empties = {empty_name(end): empty_clock(end, self.target) for end in places}
        names = [layer.signature() for layer in batch]
        self.monitor.look()
        gc.collect()
        gc.disable()  # a collection would be booked on whatever layer it falls into
        try:
            round_ = 0
            while True:
                active = [i for i, layer in enumerate(batch) if not self._is_done(layer)]
                if not active:
                    break
                taken = [(ANCHOR_NAME, anchor.full_ns())]
                taken += [(name, sample_ns(clock)) for name, clock in empties.items()]
                taken += [(names[i], sample_ns(clocks[i])) for i in rng.permutation(active)]
                taken += [(ANCHOR_NAME, anchor.full_ns())]
                note = self.monitor.look()
                self.samples.append([Sample(number, round_, what, value, note) for what, value in taken])
                round_ += 1
                progress(len(batch) - len(active))
        finally:
            gc.enable()

    def _is_done(self, layer: Layer) -> bool:
        return is_stable([sample.value for sample in self.samples.samples.get(layer.signature(), ())])

    def anchor_ms(self) -> float:
        """Return the anchor's time, to which everything is scaled."""
        if self.known_anchor_ns is not None:
            return self.known_anchor_ns / 1e6
        return float(np.median(list(self.samples.batch_medians(ANCHOR_NAME).values()))) / 1e6

    def rows(self, layers: Sequence[Layer]) -> list[LayerRow]:
        """Return the rows of layers that were measured."""
        anchors, reference = self.samples.batch_medians(ANCHOR_NAME), self.anchor_ms() * 1e6
        places = {end for layer in layers for end in ends(layer, self.target)}
        empties = {end: self.samples.batch_medians(empty_name(end)) for end in places}
        return [
            self._row(layer, anchors, [empties[end] for end in ends(layer, self.target)], reference)
            for layer in layers
        ]

    def _row(
        self,
        layer: Layer,
        anchors: Mapping[int, float],
        empties: Sequence[Mapping[int, float]],
        reference: float,
    ) -> LayerRow:
        samples = self.samples.samples[layer.signature()]
        batches = {sample.batch for sample in samples}
        empty = {batch: float(np.mean([end[batch] for end in empties])) for batch in batches}
        values = np.asarray([(s.value - empty[s.batch]) * reference / anchors[s.batch] for s in samples])
        cost = layer_cost(layer)
        notes = [s.note for s in samples if s.note]
        # a disturbed minority of the rounds does not move the median
        disturbed = max(set(notes), key=notes.count) if len(notes) > len(samples) / 2 else ""
        stable = is_stable([s.value for s in samples]) and not _is_noisy(values)
        low, high = np.percentile(values, [25, 75])
        return LayerRow(
            layer=layer.signature(),
            latency_ms=rounded(max(float(np.median(values)), FLOOR_NS) / 1e6),
            iqr_ms=rounded(float(high - low) / 1e6),
            samples=len(values),
            energy_mj=None,
            energy_source="",
            macs=cost.macs,
            params=cost.params,
            read_params=cost.read_params,
            activation_bytes=cost.activation_bytes,
            note=disturbed or ("" if stable else "unstable"),
        )


def _add(progress: Progress, before: int, total: int, ready: int) -> None:
    progress(before + ready, total)


def _is_noisy(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
    """Whether the median is still uncertain by more than 3% after all rounds."""
    return standard_error(list(values)) > max(0.03 * float(np.median(values)), 50.0)


def samples_path(profile: Path) -> Path:
    """Return where the raw samples of NAME.yaml lie."""
    return profile.with_suffix(".samples.csv")
