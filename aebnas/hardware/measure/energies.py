"""Energies into a profile: measured where a counter tells, modelled in between, absent elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aebnas.blocks.layer import Layer
from aebnas.errors import HardwareError
from aebnas.hardware.cost.cost import layer_cost
from aebnas.hardware.devices.energy import (
    MEASURED_LAYERS,
    EnergyCounter,
    NoEnergyError,
    fit_energy,
    measure_energy_mj,
    stratified,
)
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import layer_clock
from aebnas.hardware.measure.rounds import sample_ns
from aebnas.hardware.measure.samples import Sample, SampleFile, energy_name
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import EnergyMetadata
from aebnas.hardware.profile.profile_table import MEASURED, MODELLED, LayerRow, rounded

NANOJOULES = 1e6
"""In one millijoule."""
NO_COUNTER = "this device has no energy counter that may be read"
MIN_MODEL_ROWS = 3
"""Fewer measured layers than features cannot carry a model."""


def with_energies(
    profile: HardwareProfile,
    layers: Sequence[Layer],
    target: Target,
    counter: EnergyCounter | None,
    samples: SampleFile,
    progress: Callable[[int, int], None],
) -> HardwareProfile:
    """Return the profile with the energies of new layers; measured ones stay, modelled ones follow.

    Args:
        profile: With the latencies of all layers.
        layers: The new ones.
        target: Device and runtime.
        counter: The device's counter; None: it has none, which the profile then says.
        samples: Energies that it holds are not measured again; each new one is added.
        progress: Told how many layers are measured, and of how many.

    Raises:
        HardwareError: The counter fails, but the table has energies already.
    """
    if counter is None:
        return _without(profile, NO_COUNTER)
    chosen = stratified(layers, {layer: layer_cost(layer).macs for layer in layers}, MEASURED_LAYERS, 0)
    energies: dict[str, float] = {}
    try:
        for i, layer in enumerate(chosen):
            name = energy_name(layer.signature())
            if not samples.samples[name]:
                energy_mj = _layer_mj(layer, profile, target, counter)
                samples.append([Sample(samples.batches, 0, name, energy_mj * NANOJOULES)])
            energies[layer.signature()] = samples.samples[name][-1].value / NANOJOULES
            progress(i + 1, len(chosen))
    except NoEnergyError as error:
        if any(row.energy_source == MEASURED for row in profile.rows.values()):
            raise HardwareError(
                f"{error}; the energies of profile {profile.name!r} stay as they were"
            ) from error
        return _without(profile, str(error))
    rows = dict(profile.rows)
    for name, energy_mj in energies.items():
        rows[name] = replace(rows[name], energy_mj=rounded(energy_mj), energy_source=MEASURED)
    return _modelled(profile, rows, counter.name)


def _layer_mj(layer: Layer, profile: HardwareProfile, target: Target, counter: EnergyCounter) -> float:
    """Return the energy of one call of a layer.

    Raises:
        NoEnergyError: The counter tells nothing.
    """
    clock, net_ns = layer_clock(layer, target), profile.row(layer).latency_ms * 1e6
    # the call itself (and the padding convolutions around the layer) takes its share of the energy
    share = min(1.0, net_ns / sample_ns(clock))
    return share * measure_energy_mj(clock, counter)


def _without(profile: HardwareProfile, note: str) -> HardwareProfile:
    """Return a profile without energies: a table has all of them or none."""
    rows = {name: replace(row, energy_mj=None, energy_source="") for name, row in profile.rows.items()}
    metadata = profile.metadata.model_copy(update={"energy": EnergyMetadata(note=note)})
    return replace(profile, metadata=metadata, rows=rows)


def _modelled(profile: HardwareProfile, rows: dict[str, LayerRow], source: str) -> HardwareProfile:
    measured = [row for row in rows.values() if row.energy_source == MEASURED]
    if len(measured) < MIN_MODEL_ROWS:
        return _without(profile, f"{source}: only {len(measured)} layers could be measured")
    energy = np.asarray([row.energy_mj for row in measured], np.float64)
    model = fit_energy(features(measured), energy)
    others = [row for row in rows.values() if row.energy_source != MEASURED]
    for row, energy_mj in zip(others, model.energy_mj(features(others)), strict=True):
        rows[row.layer] = replace(row, energy_mj=rounded(float(energy_mj)), energy_source=MODELLED)
    power_w = float(np.median([row.energy_mj / row.latency_ms for row in measured if row.energy_mj]))
    metadata = EnergyMetadata(
        source=source,
        note="everything the counter sees is booked on the layer, idle power too",
        measured_layers=len(measured),
        model_mape=round(model.mape, 4),
        segment_mj=power_w * profile.metadata.overhead.segment_ms,
    )
    return replace(profile, metadata=profile.metadata.model_copy(update={"energy": metadata}), rows=rows)


def features(rows: Sequence[LayerRow]) -> NDArray[np.float64]:
    """Return latency in ms, MACs and bytes moved of each row, shape ``(rows, 3)``."""
    table = [[row.latency_ms, row.macs, row.activation_bytes + 4 * row.params] for row in rows]
    return np.asarray(table, np.float64).reshape(len(rows), 3)
