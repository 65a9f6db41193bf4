"""Energy of layers: a counter read around sustained loops, and a model for the layers in between.

Counters move in steps of tens of milliseconds, so a layer is run for a second at
least; a space has thousands of layers, so about 200 of them, spread over types and
sizes, are measured and the rest is modelled and marked so.  Must not import torch.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aebnas.blocks.layer import Layer
from aebnas.hardware.devices.clock import Clock

FloatArray = NDArray[np.float64]
LOOP_SECONDS = 1.0
"""Shortest loop: NVML refreshes its counter every 20 to 100 ms, so one step is at most a tenth."""
MEASURED_LAYERS = 200
FOLDS = 5


class EnergyCounter(Protocol):
    """Millijoules since some moment in the past."""

    name: str

    def read_mj(self) -> float | None:
        """Return the counter; None: the device does not tell."""


class NoEnergyError(Exception):
    """The counter is missing or does not move; the message says which."""


def measure_energy_mj(clock: Clock, counter: EnergyCounter, seconds: float = LOOP_SECONDS) -> float:
    """Return the millijoules of one call, from a loop of at least ``seconds``.

    Everything that the counter sees is booked on the layer, the device's idle power too: that is
    what a running network pays.

    Raises:
        NoEnergyError: The counter is missing, or did not move during the loop.
    """
    clock(3)
    before = counter.read_mj()
    if before is None:
        raise NoEnergyError(f"{counter.name}: not supported by this device or driver")
    calls, chunk = 0, 10
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        calls += clock(chunk).size  # on CUDA more than was asked for: whole groups
        chunk = int(
            np.clip(chunk * 0.05 * seconds / max(time.perf_counter() - started - elapsed, 1e-6), 1, 1e5)
        )
    after = counter.read_mj()
    if after is None or after <= before:
        raise NoEnergyError(f"{counter.name}: did not move in {seconds:g} s")
    return (after - before) / calls


def stratified(layers: Sequence[Layer], macs: Mapping[Layer, int], count: int, seed: int) -> list[Layer]:
    """Return ``count`` layers spread over types and, within a type, evenly over MACs.

    Args:
        layers: All layers.
        macs: MACs of each.
        count: How many; all layers where there are fewer.
        seed: Ties between equal MACs are drawn with it.
    """
    if len(layers) <= count:
        return list(layers)
    order = np.random.default_rng(seed).permutation(len(layers))
    by_type: dict[str, list[Layer]] = defaultdict(list)
    for i in order:
        by_type[layers[i].spec.type].append(layers[i])
    chosen: list[Layer] = []
    for kind in sorted(by_type):
        same = sorted(by_type[kind], key=lambda layer: macs[layer])
        share = max(2, round(count * len(same) / len(layers)))
        places = np.unique(np.linspace(0, len(same) - 1, min(share, len(same))).round().astype(int))
        chosen += [same[i] for i in places]
    return chosen


@dataclass(frozen=True)
class EnergyModel:
    """Energy as a non-negative sum of latency, MACs and bytes moved."""

    weights: FloatArray
    mape: float
    """Mean absolute error on measured layers that the model had not seen, as a share."""

    def energy_mj(self, features: FloatArray) -> FloatArray:
        """Return the energies of layers, shape ``(layers,)``, from features ``(layers, 3)``."""
        energy: FloatArray = features @ self.weights
        return energy


def fit_energy(features: FloatArray, energy_mj: FloatArray) -> EnergyModel:
    """Return the model of measured layers.

    Args:
        features: Latency in ms, MACs, bytes moved; shape ``(layers, 3)``.
        energy_mj: Measured energies, shape ``(layers,)``.

    Non-negative least squares on relative errors; the error is that of five-fold cross-validation.
    """
    folds = np.arange(len(energy_mj)) % min(FOLDS, max(len(energy_mj), 2))
    errors = np.full(len(energy_mj), np.nan)
    for fold in np.unique(folds):
        held = folds == fold
        if not (~held).any():
            continue
        errors[held] = np.abs(
            features[held] @ _weights(features[~held], energy_mj[~held]) / energy_mj[held] - 1
        )
    return EnergyModel(_weights(features, energy_mj), float(np.nanmean(errors)))


def _weights(features: FloatArray, energy_mj: FloatArray) -> FloatArray:
    from scipy.optimize import nnls

    scale = features.max(axis=0)
    scale[scale == 0] = 1.0
    weights, _ = nnls(features / scale / energy_mj[:, None], np.ones(len(energy_mj)))
    coefficients: FloatArray = weights / scale
    return coefficients
