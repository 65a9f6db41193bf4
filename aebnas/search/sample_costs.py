"""What random architectures of a space cost, and what the limits leave of them.

Only what is known before training: accuracy and expected MACs are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aebnas.config import SearchFile
from aebnas.config.sections.constraints import Bound, full_name
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.search.proposers.exact import ExactCost, ExactCosts
from aebnas.space.api import SearchSpace
from aebnas.task.metrics.table import metric_of
from aebnas.task.task import Task

SEED = 0
"""Of the sample: describing a space twice gives the same numbers."""

Track = Callable[[Iterable[int]], Iterable[int]]
"""Passes numbers on and shows how far they are."""


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest of one quantity over the sample."""

    name: str
    smallest: float
    median: float
    largest: float


@dataclass(frozen=True)
class AdmittedShare:
    """Share of the sample that one limit admits, 0 to 1."""

    limit: str
    share: float
    is_exact: bool = True
    """False: the limit also depends on the training, so no more than this share can satisfy it."""


@dataclass(frozen=True)
class SampleCosts:
    """Costs of a sample, and what the limits of a file leave of it."""

    samples: int
    spreads: tuple[Spread, ...]
    shares: tuple[AdmittedShare, ...]
    """One per constraint and limit that is known before training."""
    left: float
    """Share that satisfies all of them at once."""


def sample_costs(
    config: SearchFile,
    space: SearchSpace,
    task: Task,
    samples: int,
    track: Track,
    devices: DeviceCosts | None = None,
) -> SampleCosts:
    """Return what ``samples`` random architectures cost.

    Args:
        config: Limits and training.
        space: Where to draw from.
        task: What comes in, and how many answers there are.
        samples: How many; equal ones may be drawn.
        track: Shows how far it is.
        devices: Hardware profiles of the file.

    Raises:
        HardwareError: A profile lacks a layer.
    """
    rng, exact = np.random.default_rng(SEED), ExactCosts(task, devices)
    costs = [exact.of(space.decode(space.sample(rng))) for _ in track(range(samples))]
    shares, masks = [], []
    for limit, is_exact, admits in _limits(config):
        mask = np.asarray([admits(cost) for cost in costs], bool)
        shares.append(AdmittedShare(limit, float(mask.mean()), is_exact))
        masks.append(mask)
    left = float(np.logical_and.reduce(masks).mean()) if masks else 1.0
    return SampleCosts(samples, _spreads(costs, config.training.batch_size), tuple(shares), left)


def _spreads(costs: Sequence[ExactCost], batch: int) -> tuple[Spread, ...]:
    networks = [cost.network for cost in costs]
    devices = [name for name in costs[0].reach if name != "macs"]
    return (
        _spread("MACs to the first exit", [network.reach_macs[0] for network in networks]),
        _spread("MACs to the last exit", [network.reach_macs[-1] for network in networks]),
        _spread("parameters", [network.params for network in networks]),
        _spread("peak activation bytes", [network.peak_activation_bytes for network in networks]),
        _spread(
            f"training memory in bytes, batch {batch}",
            [network.training_bytes(batch) for network in networks],
        ),
        *(_spread(f"{name} to the last exit", [cost.reach[name][-1] for cost in costs]) for name in devices),
    )


def _spread(name: str, values: Sequence[float]) -> Spread:
    array = np.asarray(values, float)
    return Spread(name, float(array.min()), float(np.median(array)), float(array.max()))


def _limits(config: SearchFile) -> list[tuple[str, bool, Callable[[ExactCost], bool]]]:
    """Return name, exactness and test of every limit that can be tested before training."""
    limits: list[tuple[str, bool, Callable[[ExactCost], bool]]] = []
    for metric, bound in config.constraints.items():
        if metric_of(metric).is_learned:
            continue
        for sign, value in (("min", bound.min), ("max", bound.max)):
            if value is not None:
                full = full_name(metric, config.profiles)
                is_exact = metric_of(metric).is_exact
                limits.append((f"{metric}.{sign} {value:g}", is_exact, _test(full, bound, sign)))
    memory = config.evaluation.max_memory_mb
    if memory is not None:
        batch = config.training.batch_size
        limits.append(
            (
                f"evaluation.max_memory_mb {memory:g}",
                True,
                lambda cost: cost.network.training_bytes(batch) <= memory * 1e6,
            )
        )
    return limits


def _test(metric: str, bound: Bound, sign: str) -> Callable[[ExactCost], bool]:
    """Return whether a cost can satisfy one side of a constraint."""
    low = -np.inf if sign == "max" or bound.min is None else bound.min
    high = np.inf if sign == "min" or bound.max is None else bound.max

    def admits(cost: ExactCost) -> bool:
        span = cost.span(metric)
        return span is None or bool(span[0] <= high and span[1] >= low)

    return admits
