"""How long a profiling will take, from a few layers and networks measured for it.  ``--dry-run``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from aebnas.blocks.layer import Layer
from aebnas.hardware.devices.energy import LOOP_SECONDS, MEASURED_LAYERS
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import layer_clock
from aebnas.hardware.measure.network_clock import ROUNDS, anchor_clock, network_clock
from aebnas.hardware.measure.open_device import open_device
from aebnas.hardware.measure.profile_session import ProfileRequest
from aebnas.hardware.measure.rounds import MIN_ROUNDS, sample_ns
from aebnas.runtime.process import prepare_process
from aebnas.space.api import Architecture
from aebnas.task.task import Task

LAYERS, NETWORKS = 24, 3
"""Tried for the estimate."""
MORE_ROUNDS = 1.3
"""Layers that are not stable after the fewest rounds get more."""


@dataclass(frozen=True)
class Estimate:
    """What ``aebnas profile`` is going to do."""

    layers: int
    """Distinct layers of the space."""
    missing: int
    """Those that the profile does not have yet."""
    networks: int
    """Networks that will be measured whole."""
    seconds: float


def estimate(request: ProfileRequest) -> Estimate:
    """Return how much there is to do and about how long it takes here.

    Raises:
        ConfigError: An existing profile is damaged.
        HardwareError: It was made for another target, or the device is not there.
    """
    existing, layers = request.existing(), request.layers()
    device = open_device(request.target)
    has_energy = device.counter is not None and device.counter.read_mj() is not None
    device.monitor.close()
    rows = {} if existing is None else existing.rows
    missing = [layer for layer in layers if layer.signature() not in rows]
    prepare_process(torch.device(request.target.device), request.target.threads, compare_kernels=True)
    anchor_clock(request.target).full_ns()  # the start of a device counts once
    chosen = [missing[i] for i in np.random.default_rng(0).permutation(len(missing))[:LAYERS]]
    networks = request.architectures()
    per_layer = _mean([_layer_seconds(layer, request.target) for layer in chosen])
    per_network = _mean(
        [_network_seconds(network, request.task, request.target) for network in networks[:NETWORKS]]
    )
    seconds = per_layer * len(missing) + per_network * len(networks)
    if has_energy:
        seconds += min(len(missing), MEASURED_LAYERS) * LOOP_SECONDS
    return Estimate(len(layers), len(missing), len(networks), seconds)


def _layer_seconds(layer: Layer, target: Target) -> float:
    """Return the time to build a layer and to measure it in as few rounds as can be enough."""
    return _seconds(lambda: partial(sample_ns, layer_clock(layer, target)), MIN_ROUNDS * MORE_ROUNDS)


def _network_seconds(architecture: Architecture, task: Task, target: Target) -> float:
    return _seconds(lambda: network_clock(architecture, task, target).sample_ns, ROUNDS)


def _seconds(build: Callable[[], Callable[[], object]], rounds: float) -> float:
    """Return the time to build what takes a sample, and to take one in each round.

    The first sample belongs to building: GPUs look for their fastest kernels then.
    """
    started = time.perf_counter()
    sample = build()
    sample()
    built = time.perf_counter()
    sample()
    return built - started + (time.perf_counter() - built) * rounds


def _mean(seconds: list[float]) -> float:
    return float(np.mean(seconds)) if seconds else 0.0
