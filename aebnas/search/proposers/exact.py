"""What needs no model: costs that follow from an architecture alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aebnas.hardware.cost.cost import NetworkCost, network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.space.api import Architecture
from aebnas.task.metrics.inputs import Costs
from aebnas.task.metrics.values import span_of
from aebnas.task.task import Task

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExactCost:
    """What one architecture costs, whatever its exits decide."""

    network: NetworkCost
    """What needs no device."""
    reach: Mapping[str, FloatArray]
    """Cost to leave at each exit, shape ``(exits,)``, by ``macs``, ``latency_ms@PROFILE`` ..."""

    @cached_property
    def costs(self) -> Costs:
        """Return the same as metrics read it."""
        return Costs(self.reach, self.network.params, self.network.peak_activation_bytes)  # type: ignore[arg-type]

    def span(self, metric: str) -> tuple[float, float] | None:
        """Return the least and the largest value that training can lead to; None: anything.

        Args:
            metric: Its full name, with ``@PROFILE`` of a device.

        Raises:
            CodeError: It is from outside, and gave no finite number or one out of its range.
        """
        return span_of(self.costs, metric)


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
        device_costs = self._devices.reach_costs(architecture, self._task)
        reach |= {name: np.asarray(values, float) for name, values in device_costs.items()}
        return ExactCost(cost, reach)
