"""What needs no model: costs that follow from an architecture alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.hardware.cost.cost import NetworkCost, network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.api import Architecture
from aebnas.task.task import Task

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExactCost:
    """What one architecture costs, whatever its exits decide."""

    network: NetworkCost
    """What needs no device."""
    reach: Mapping[str, FloatArray]
    """Cost to leave at each exit, shape ``(exits,)``, by ``macs``, ``latency_ms@PROFILE`` ..."""
    metrics: Mapping[str, float]
    """``params``, ``peak_activation_bytes``, and ``worst_`` of every expected metric."""

    def span(self, metric: str) -> tuple[float, float]:
        """Return the smallest and the largest value that a metric can take, wherever thresholds are."""
        if metric in self.metrics:
            return self.metrics[metric], self.metrics[metric]
        reach = self.reach[metric]
        return float(reach[0]), float(reach[-1])


class ExactCosts:
    """Counts architectures; nothing here is predicted."""

    def __init__(self, task: Task, devices: DeviceCosts | None = None) -> None:
        """Prepare to count.

        Args:
            task: What comes in, and how many answers there are.
            devices: Hardware profiles of the search.
        """
        self._task = task
        self._devices = DeviceCosts() if devices is None else devices

    def of(self, architecture: Architecture) -> ExactCost:
        """Return what an architecture costs.

        Raises:
            HardwareError: A layer was not measured.
        """
        cost = network_cost(architecture, self._task)
        reach = {"macs": cost.reach_macs}
        found = self._devices.reach_costs(architecture, self._task)
        reach |= {name: np.asarray(values, float) for name, values in found.items()}
        worst = {f"worst_{name}": float(values[-1]) for name, values in reach.items()}
        sizes = {"params": float(cost.params), "peak_activation_bytes": float(cost.peak_activation_bytes)}
        return ExactCost(cost, reach, worst | sizes)
