"""One profiling from beginning to end: layers, energies, networks, correction, validation."""

from __future__ import annotations

import datetime
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from aebnas.blocks.layer import Layer
from aebnas.errors import HardwareError
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import energies
from aebnas.hardware.measure.monitor import Monitor
from aebnas.hardware.measure.network_clock import measure_networks, measure_overhead, measured, network_clock
from aebnas.hardware.measure.open_device import open_device
from aebnas.hardware.measure.profiler import LayerProfiler, samples_path
from aebnas.hardware.measure.samples import SampleFile
from aebnas.hardware.profile.agreement import agreements, fit_correction
from aebnas.hardware.profile.measured_network import MeasuredNetwork, Role, by_space
from aebnas.hardware.profile.profile import HardwareProfile, read_profile, write_profile
from aebnas.hardware.profile.profile_schema import (
    FORMAT,
    Correction,
    EnergyMetadata,
    Overhead,
    ProfileMetadata,
    Validation,
    method_of,
)
from aebnas.hardware.profile.profile_table import rounded
from aebnas.hardware.profile.provenance import (
    ProfileListener,
    ignore,
    merged_conditions,
    refuse_mixture,
    runtime_version,
    versions,
    watching,
)
from aebnas.runtime.process import prepare_process
from aebnas.space.api import Architecture, SearchSpace
from aebnas.task.task import Task

NETWORKS_SEED = 2
"""Of the networks that are measured whole.  On those of seeds 0 and 1 the form of the correction was found:
they could not judge it any more."""
MAX_DRAWS = 50
"""Draws per network wanted: a tiny space has fewer distinct ones."""


@dataclass(frozen=True)
class ProfileRequest:
    """What to profile, and how much of it to check."""

    space: SearchSpace
    space_name: str
    task: Task
    target: Target
    path: Path
    """NAME.yaml."""
    command: str = "aebnas profile"
    fit_networks: int = 30
    validate_networks: int = 60
    again: bool = False
    """Measure everything anew: an existing profile and its samples play no part."""

    def layers(self) -> tuple[Layer, ...]:
        """Return every layer of the space."""
        return self.space.layers(self.task)

    def architectures(self) -> list[Architecture]:
        """Return the networks that are measured whole: as many as asked for, fewer in a tiny space."""
        return distinct_architectures(self.space, self.fit_networks + self.validate_networks, NETWORKS_SEED)

    def existing(self) -> HardwareProfile | None:
        """Return the profile that is extended.

        Raises:
            ConfigError: It is damaged.
            HardwareError: It was made for another target.
        """
        if self.again or not self.path.exists():
            return None
        profile = read_profile(self.path)
        if profile.metadata.target != self.target:
            raise HardwareError(
                f"{self.path} is a profile of {profile.metadata.target}, not of {self.target}. "
                "Name another one with -o"
            )
        return profile


def profile_space(request: ProfileRequest, listen: ProfileListener = ignore) -> HardwareProfile:
    """Measure what is missing, fit, validate and write the profile.

    Args:
        request: What, on which device.
        listen: Told what is being measured.

    Raises:
        ConfigError: An existing profile is damaged.
        HardwareError: The device is not there or another one, or a file cannot be written.
    """
    existing = request.existing()
    layers = request.layers()
    old_rows = {} if existing is None else dict(existing.rows)
    missing = [layer for layer in layers if layer.signature() not in old_rows]
    prepare_process(torch.device(request.target.device), request.target.threads, compare_kernels=True)
    device = open_device(request.target)
    with closing(device.monitor) as monitor:
        if existing is not None:
            refuse_mixture(existing, monitor.device(), device.counter is not None, request.path)
        if request.again:
            samples_path(request.path).unlink(missing_ok=True)
        method = method_of(request.target)
        made_on = f"{monitor.device().name}; {runtime_version(request.target)}; method {method}"
        samples = SampleFile.open(samples_path(request.path), request.target, made_on)
        anchor_ns = None if existing is None else existing.metadata.anchor_ms * 1e6
        profiler = LayerProfiler(request.target, samples, monitor, anchor_ns)
        profiler.measure(missing, lambda done, total: listen("layers", done, total))
        rows = {**old_rows, **{row.layer: row for row in profiler.rows(missing)}}
        overhead = measure_overhead(request.target) if existing is None else existing.metadata.overhead
        profile = HardwareProfile(
            request.path.stem,
            _metadata(request, existing, monitor, len(rows), profiler.anchor_ms(), overhead),
            rows,
            () if existing is None else existing.networks,
        )
        profile = energies.with_energies(
            profile, missing, request.target, device.counter, samples, lambda d, n: listen("energies", d, n)
        )
        profile = validated(_with_networks(profile, request, samples, watching(monitor, listen)))
        earlier = None if existing is None else existing.metadata.conditions
        conditions = merged_conditions(earlier, monitor.conditions(), profile)
        profile = replace(profile, metadata=profile.metadata.model_copy(update={"conditions": conditions}))
        write_profile(profile, request.path)
        samples.finish()
    return profile


def _metadata(
    request: ProfileRequest,
    existing: HardwareProfile | None,
    monitor: Monitor,
    rows: int,
    anchor_ms: float,
    overhead: Overhead,
) -> ProfileMetadata:
    spaces = () if existing is None else existing.metadata.spaces
    return ProfileMetadata(
        format=FORMAT,
        target=request.target,
        units={"latency": "ms", "energy": "mj"},
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        command=request.command,
        versions=versions(),
        method=method_of(request.target),
        device=monitor.device(),
        rows=rows,
        networks=0,
        anchor_ms=float(f"{anchor_ms:.6g}"),
        overhead=Overhead(**{name: rounded(value) for name, value in overhead}),
        correction=Correction(),
        spaces=tuple(dict.fromkeys([*spaces, request.space_name])),
        energy=EnergyMetadata(),
    )


def _with_networks(
    profile: HardwareProfile, request: ProfileRequest, samples: SampleFile, listen: ProfileListener
) -> HardwareProfile:
    """Return the profile with freshly measured networks of the space."""
    architectures = request.architectures()
    if not architectures:
        return profile
    # drawn at random, so that no role gets only small ones; a small space gives both their share
    enough = len(architectures) == request.fit_networks + request.validate_networks
    fit = request.fit_networks if enough else min(request.fit_networks, max(1, len(architectures) // 3))
    listen("networks", 0, len(architectures))
    clocks = {}
    for i, architecture in enumerate(architectures):
        clocks[architecture.key()] = network_clock(architecture, request.task, request.target)
        listen("networks", i + 1, len(architectures))
    times = measure_networks(
        clocks,
        request.space_name,
        request.target,
        profile.metadata.anchor_ms,
        samples,
        lambda done, total: listen("rounds", done, total),
    )
    networks: list[MeasuredNetwork] = []
    parts: tuple[tuple[Role, slice], ...] = (("fit", slice(fit)), ("validate", slice(fit, None)))
    for role, part in parts:
        networks += measured(request.space_name, role, request.task, architectures[part], times[part])
    others = tuple(network for network in profile.networks if network.space != request.space_name)
    return replace(profile, networks=(*others, *networks))


def distinct_architectures(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Return up to ``count`` random architectures, each once."""
    rng = np.random.default_rng(seed)
    architectures: dict[str, Architecture] = {}
    for _ in range(count * MAX_DRAWS):
        if len(architectures) == count:
            break
        architecture = space.decode(space.sample(rng))
        architectures.setdefault(architecture.key(), architecture)
    return list(architectures.values())


def validated(profile: HardwareProfile) -> HardwareProfile:
    """Return the profile with its correction fitted and every space validated."""
    correction = fit_correction(profile, [network for network in profile.networks if network.role == "fit"])
    corrected = replace(profile, metadata=profile.metadata.model_copy(update={"correction": correction}))
    unseen = [network for network in profile.networks if network.role == "validate"]
    validation = tuple(
        Validation(space=space, agreement=agreements(corrected, networks, reach_macs))
        for space, networks in by_space(unseen).items()
    )
    return replace(corrected, metadata=corrected.metadata.model_copy(update={"validation": validation}))


def reach_macs(architecture: Architecture, task: Task) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the MACs to each exit."""
    return network_cost(architecture, task).reach_macs
