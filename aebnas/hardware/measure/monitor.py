"""Watching a device while it is measured: what disturbed a round, and what to write into the profile.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from aebnas.hardware.devices import host
from aebnas.hardware.devices.devices import processor
from aebnas.hardware.devices.nvml import NvmlDevice
from aebnas.hardware.profile.profile_schema import Conditions, DeviceMetadata

BUSY_SHARE = 0.25
"""A round is disturbed where others keep busy more than this share of the cores that it leaves free."""


class Monitor(Protocol):
    """Looks at the device after every round."""

    def look(self) -> str:
        """Return what disturbed the device since the last look, one of ``profile_table.NOTES``."""

    def device(self) -> DeviceMetadata:
        """Return what the device is."""

    def conditions(self) -> Conditions:
        """Return the observed states of the device."""

    def close(self) -> None:
        """Let the device go."""


class CpuMonitor:
    """Watches clocks and other processes."""

    def __init__(
        self, threads: int, others: host.OtherProcesses | None = None, cores: int | None = None
    ) -> None:
        """Begin to watch.

        Args:
            threads: Threads that the measurement uses.
            others: Watches other processes; default: through /proc/stat.
            cores: Cores of the machine; default: those that this process may use.
        """
        self._others = host.OtherProcesses() if others is None else others
        self._cores = host.cores() if cores is None else cores
        self._threads = threads
        self._clocks: list[float] = []
        self._busy: list[float] = []

    def close(self) -> None:
        """Do nothing: there is no handle to close."""

    def look(self) -> str:
        """Return ``busy`` where other processes took more than a quarter of the cores left free."""
        clock, busy = host.clock_mhz(), self._others.busy_cores()
        if clock is not None:
            self._clocks.append(clock)
        if busy is None:
            return ""
        self._busy.append(busy)
        free = max(self._cores - self._threads, 1)
        return "busy" if busy > BUSY_SHARE * free else ""

    def device(self) -> DeviceMetadata:
        """Return the processor."""
        import platform

        return DeviceMetadata(
            name=processor(), system=platform.platform(), governor=host.governor(), cores=self._cores
        )

    def conditions(self) -> Conditions:
        """Return clocks and the cores that others kept busy."""
        unknown = [
            what
            for what, is_known in (
                ("clock", host.clock_mhz() is not None),
                ("other processes", self._others.is_known),
                ("temperature", False),
                ("throttle reasons", False),
                ("frequency governor", host.governor()),
            )
            if not is_known
        ]
        return Conditions(
            clock_mhz=spread(self._clocks), others_cores=spread(self._busy), unknown=tuple(unknown)
        )


class GpuMonitor:
    """Watches a GPU through NVML."""

    def __init__(self, gpu: NvmlDevice) -> None:
        """Watch an open GPU; it is closed with the monitor."""
        self._gpu = gpu
        self._clocks: list[float] = []
        self._temperatures: list[float] = []
        self._throttled: dict[str, None] = {}
        self._strangers: dict[str, None] = {}

    @property
    def gpu(self) -> NvmlDevice:
        """Return the GPU."""
        return self._gpu

    def close(self) -> None:
        """Close NVML."""
        self._gpu.close()

    def look(self) -> str:
        """Return ``throttled`` or ``shared``, if so."""
        clock, temperature = self._gpu.clock_mhz(), self._gpu.temperature_c()
        if clock is not None:
            self._clocks.append(clock)
        if temperature is not None:
            self._temperatures.append(temperature)
        throttled, strangers = self._gpu.throttled(), self._gpu.strangers()
        self._throttled.update(dict.fromkeys(throttled))
        self._strangers.update(dict.fromkeys(strangers))
        return "throttled" if throttled else "shared" if strangers else ""

    def device(self) -> DeviceMetadata:
        """Return the board, its driver and its power limit."""
        import platform

        gpu = self._gpu
        return DeviceMetadata(
            name=gpu.name, system=platform.platform(), driver=gpu.driver, power_limit_w=gpu.power_limit_w
        )

    def conditions(self) -> Conditions:
        """Return clocks, temperatures, throttling and strangers."""
        return Conditions(
            clock_mhz=spread(self._clocks),
            temperature_c=spread(self._temperatures),
            throttled=tuple(self._throttled),
            strangers=tuple(self._strangers),
            unknown=tuple(sorted(self._gpu.unknown)),
        )


def spread(values: Sequence[float]) -> tuple[float, ...]:
    """Return the smallest, the median and the largest value, rounded; nothing for none."""
    if not values:
        return ()
    return tuple(round(float(value), 2) for value in (min(values), np.median(values), max(values)))
