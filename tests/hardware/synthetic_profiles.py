"""Hardware profiles that nothing was measured for: costs that follow from the layers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aebnas.blocks.layer import Layer
from aebnas.config import load
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.cost.cost import layer_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.profile.profile import HardwareProfile, write_profile
from aebnas.hardware.profile.profile_schema import (
    FORMAT,
    UNITS,
    Correction,
    DeviceMetadata,
    EnergyMetadata,
    Overhead,
    ProfileMetadata,
    method_of,
)
from aebnas.hardware.profile.profile_table import LayerRow
from aebnas.space.spaces import space_of
from aebnas.task.task import classification

COUNTER = EnergyMetadata(source="a counter", measured_layers=1, segment_mj=0.25)
Cost = Callable[[Layer], float]


def by_macs(layer: Layer) -> float:
    """Milliseconds that rise with MACs, with more digits than a measurement has."""
    return 1e-3 + layer_cost(layer).macs / 7e5


def by_pixels(layer: Layer) -> float:
    """Milliseconds of a device that hates large images and does not care about channels."""
    return 2e-3 + layer.input.size[0] ** 3 / 3e4


def row(layer: Layer, latency_ms: float, energy_mj: float | None = None, note: str = "") -> LayerRow:
    cost = layer_cost(layer)
    source = "" if energy_mj is None else "measured"
    return LayerRow(
        layer.signature(), latency_ms, latency_ms / 50, 9, energy_mj, source,
        cost.macs, cost.params, cost.read_params, cost.activation_bytes, note,
    )  # fmt: skip


def profile_of(
    layers: Iterable[Layer],
    name: str = "board",
    latency_ms: Cost = by_macs,
    energy_mj: Cost | None = None,
    **metadata: Any,
) -> HardwareProfile:
    """A profile of layers: overhead 0.5 ms + 0.1 ms per segment, nothing corrected."""
    rows = [row(one, latency_ms(one), energy_mj and energy_mj(one)) for one in layers]
    plain: dict[str, Any] = {
        "format": FORMAT,
        "target": Target(),
        "units": dict(UNITS),
        "made": "2026-01-02T03:04:05+00:00",
        "command": f"aebnas profile tiny.yaml -o hardware_profiles/{name}.yaml",
        "versions": {"torch": "2.13.0"},
        "method": method_of(metadata.get("target", Target())),
        "device": DeviceMetadata(name=f"a {name}", system="Linux"),
        "rows": len(rows),
        "networks": 0,
        "anchor_ms": 1.25,
        "overhead": Overhead(entry_ms=0.5, segment_ms=0.1, decision_ms=0.0),
        "correction": Correction(),
        "energy": COUNTER if energy_mj else EnergyMetadata(note="the device has no counter"),
    }
    return HardwareProfile(name, ProfileMetadata(**(plain | metadata)), {one.layer: one for one in rows})


def layers_of(search_file: Path) -> tuple[Layer, ...]:
    """Every layer of a search-space file."""
    config = load(search_file, [])
    shape, classes = shape_and_classes(config.data)
    return space_of(config, shape).layers(classification(shape[2], classes))


def written(folder: Path, profile: HardwareProfile) -> Path:
    """Write a profile into a folder and return its path."""
    path = folder / f"{profile.name}.yaml"
    write_profile(profile, path)
    return path
