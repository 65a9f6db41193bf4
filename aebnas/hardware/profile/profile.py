"""Hardware profiles: what one device costs, layer by layer.

A profile is a table of measured layers for one device, one runtime and one batch
size, and the correction that turns their sum into the time of a network that runs
segment by segment.  This module reads it, answers "how long until each exit?",
and refuses to guess: an unmeasured layer is an error, never a zero.

Units: latency in milliseconds, energy in millijoules.  Must not import torch.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from aebnas.blocks.layer import Layer
from aebnas.config.model_file import read_model
from aebnas.errors import ConfigError, HardwareError
from aebnas.files.atomic import write_together
from aebnas.files.text import NoTextError, text_of
from aebnas.hardware.profile.latency_terms import LatencyTerms, SegmentTerms
from aebnas.hardware.profile.measured_network import MeasuredNetwork, read_networks
from aebnas.hardware.profile.profile_schema import ProfileMetadata
from aebnas.hardware.profile.profile_table import LayerRow, iterate, read_table, table_text
from aebnas.space.api import Segment, handed_on

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Of one weight."""
NO_PROFILE = "no hardware profile. Make one: aebnas profile SPACE.yaml -o hardware_profiles/NAME.yaml"


@dataclass(frozen=True, eq=False)
class HardwareProfile:
    """One device's table, its provenance and the networks that it was validated on."""

    name: str
    """Stem of the files: what ``latency_ms@NAME`` refers to."""
    metadata: ProfileMetadata
    rows: Mapping[str, LayerRow]
    """By ``Layer.signature()``."""
    networks: tuple[MeasuredNetwork, ...] = ()
    _layers: dict[Segment, SegmentTerms] = field(default_factory=dict, repr=False)
    _energy: dict[Segment, float] = field(default_factory=dict, repr=False)
    _by_layer: dict[Layer, LayerRow] = field(default_factory=dict, repr=False)

    @property
    def has_energy(self) -> bool:
        """Return whether the profile has energies."""
        return self.metadata.energy.source is not None

    def row(self, layer: Layer) -> LayerRow:
        """Return what a layer costs.

        Raises:
            HardwareError: It was not measured; names the nearest layer that was, and the cure.
        """
        row = self._by_layer.get(layer)
        if row is None:
            row = self.rows.get(layer.signature())
            if row is None:
                raise HardwareError(self._no_row([layer.signature()]))
            self._by_layer[layer] = row
        return row

    def missing(self, layers: Iterable[Layer]) -> list[str]:
        """Return the signatures that the table does not have, each once."""
        return [
            name for name in dict.fromkeys(layer.signature() for layer in layers) if name not in self.rows
        ]

    def require(self, layers: Iterable[Layer]) -> None:
        """Check that every layer was measured.

        Raises:
            HardwareError: One was not.
        """
        missing = self.missing(layers)
        if missing:
            raise HardwareError(self._no_row(missing))

    def reach_latency_ms(self, plan: Sequence[Segment]) -> FloatArray:
        """Return the milliseconds until each exit has decided, shape ``(exits,)``, rising.

        Args:
            plan: The network's segments, as ``Architecture.segments`` lists them.

        Raises:
            HardwareError: A layer was not measured.
        """
        correction = self.metadata.correction
        return self.latency_terms(plan, correction.cache_mb).reach_ms(correction)

    def latency_terms(self, plan: Sequence[Segment], cache_mb: float) -> LatencyTerms:
        """Return what the correction weighs.

        Raises:
            HardwareError: A layer was not measured.
        """
        terms = map(self._segment_layers, plan)
        layers = [
            layer_terms if is_read else replace(layer_terms, output_mb=0.0)
            for layer_terms, is_read in zip(terms, handed_on(plan), strict=True)
        ]
        return LatencyTerms.of(layers, self.metadata.overhead, cache_mb)

    def reach_energy_mj(self, plan: Sequence[Segment]) -> FloatArray:
        """Return the millijoules until each exit has decided, shape ``(exits,)``, rising.

        Raises:
            HardwareError: A layer was not measured, or the device tells no energy.
        """
        if not self.has_energy:
            note = self.metadata.energy.note or "the device has no energy counter"
            raise HardwareError(f"profile {self.name!r} has no energies: {note}. Leave energy_mj out.")
        segment = self.metadata.energy.segment_mj or 0.0
        reach: FloatArray = np.cumsum([self._segment_mj(plan_segment) + segment for plan_segment in plan])
        return reach

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change with every number that a prediction depends on."""
        metadata = self.metadata.model_dump(mode="json", include={"target", "overhead", "correction"})
        energy = self.metadata.energy.segment_mj
        costs = [
            [row.layer, row.latency_ms, row.energy_mj, row.read_params, row.activation_bytes]
            for _, row in sorted(self.rows.items())
        ]
        text = json.dumps([metadata, energy, costs], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame, one row per layer."""
        import pandas as pd

        return pd.DataFrame(list(iterate(self.rows)))

    def _segment_layers(self, segment: Segment) -> SegmentTerms:
        cached = self._layers.get(segment)
        if cached is None:
            layers = list(segment.layers())
            rows = [self.row(layer) for layer in layers]
            share, images = BYTES[self.metadata.target.dtype] / 4, self.metadata.target.batch_size
            cached = SegmentTerms(
                tuple(layer.spec.type for layer in layers),
                np.array([row.latency_ms for row in rows]),
                np.array([row.read_params * 4 * share / 1e6 for row in rows]),
                np.array([row.activation_bytes * share * images / 1e6 for row in rows]),
                _output_elements(segment) * 4 * share * images / 1e6,
            )
            self._layers[segment] = cached
        return cached

    def _segment_mj(self, segment: Segment) -> float:
        cached = self._energy.get(segment)
        if cached is None:
            cached = sum(self.row(layer).energy_mj or 0.0 for layer in segment.layers())
            self._energy[segment] = cached
        return cached

    def _no_row(self, missing: list[str]) -> str:
        first, kind = missing[0], missing[0].split("-")[0]
        same_kind = [name for name in self.rows if name.startswith(kind)]
        near = difflib.get_close_matches(first, same_kind, n=1, cutoff=0.3)
        nearest = f" The nearest measured one is {near[0]!r}." if near else ""
        others = f" (and {len(missing) - 1:,} others)" if len(missing) > 1 else ""
        return (
            f"profile {self.name!r} has no layer {first!r}{others}.{nearest} Measure what is missing: "
            f"aebnas profile SPACE.yaml {command_options(self.metadata)} -o "
            f"hardware_profiles/{self.name}.yaml"
        )


def _output_elements(segment: Segment) -> int:
    """Return the features of one image that a segment hands on."""
    if not segment.backbone:
        return 0
    last = segment.backbone[-1]
    return last.output.elements


def command_options(metadata: ProfileMetadata) -> str:
    """Return the options of ``aebnas profile`` that measure the same target."""
    target = metadata.target
    options = f"--device {target.device} --runtime {target.runtime}"
    options += f" --batch-size {target.batch_size}" if target.batch_size != 1 else ""
    options += f" --dtype {target.dtype}" if target.dtype != "fp32" else ""
    options += f" --threads {target.threads}" if target.threads != 1 else ""
    return options + (" --cuda-graphs" if target.cuda_graphs else "")


def paths_of(path: Path) -> tuple[Path, Path]:
    """Return the table and the networks that belong to NAME.yaml."""
    return path.with_suffix(".csv"), path.with_suffix(".networks.jsonl")


def read_profile(path: Path) -> HardwareProfile:
    """Read NAME.yaml, NAME.csv and, where it is there, NAME.networks.jsonl.

    Raises:
        ConfigError: A file cannot be read or is wrong; one line per mistake, with ``FILE:LINE``.
    """
    metadata = read_model(path, ProfileMetadata, NO_PROFILE)
    table, networks = paths_of(path)
    try:
        text = text_of(table.read_bytes())
    except OSError as error:
        raise ConfigError(f"{table}:1: {error.strerror}; it belongs to {path}") from error
    except NoTextError as error:
        raise ConfigError(f"{table}:{error.line}: {error}; it belongs to {path}") from error
    rows = read_table(text, str(table), metadata.rows, metadata.energy.source is not None)
    return HardwareProfile(path.stem, metadata, rows, read_networks(networks, metadata.networks))


def write_profile(profile: HardwareProfile, path: Path) -> None:
    """Write the profile's files; NAME.yaml last, so that a reader never sees half a profile.

    Raises:
        HardwareError: A file cannot be written.
    """
    table, networks = paths_of(path)
    counted = profile.metadata.model_copy(update={"networks": len(profile.networks)})
    metadata: dict[str, Any] = counted.model_dump(mode="json", exclude_none=False)
    text = yaml.safe_dump(metadata, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
    lines = "".join(json.dumps(network.to_dict()) + "\n" for network in profile.networks)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_together(
            {
                table: table_text(profile.rows.values()).encode(),
                networks: lines.encode(),
                path: f"# Hardware profile; format: hardware_profiles/README.md\n{text}".encode(),
            }
        )
    except OSError as error:
        raise HardwareError(f"cannot write {path} and its table: {error.strerror or error}") from error
