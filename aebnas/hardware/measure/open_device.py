"""Opening a target's device: its monitor and its energy counter, whichever it has."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from aebnas.errors import HardwareError
from aebnas.hardware.devices.energy import EnergyCounter
from aebnas.hardware.devices.host import RaplCounter
from aebnas.hardware.devices.nvml import NvmlDevice
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.monitor import CpuMonitor, GpuMonitor, Monitor


@dataclass(frozen=True)
class OpenDevice:
    """A device that is being watched."""

    monitor: Monitor
    counter: EnergyCounter | None


class NvmlCounter:
    """The energy counter of a GPU."""

    name = "NVML total energy counter"

    def __init__(self, gpu: NvmlDevice) -> None:
        """Read an open GPU."""
        self._gpu = gpu

    def read_mj(self) -> float | None:
        """Return millijoules since the driver was loaded; None: not supported."""
        return self._gpu.energy_mj()


def open_device(target: Target) -> OpenDevice:
    """Return the target's device.

    Raises:
        HardwareError: torch or NVML does not see it.
    """
    if target.device == "cpu":
        try:
            counter: EnergyCounter | None = RaplCounter()
        except (OSError, ValueError):
            counter = None
        return OpenDevice(CpuMonitor(target.threads), counter)
    if not torch.cuda.is_available():
        raise HardwareError(f"device {target.device}: torch sees no GPU here. List devices: aebnas devices")
    index = torch.device(target.device).index or 0
    if index >= torch.cuda.device_count():
        raise HardwareError(f"device {target.device}: torch sees {torch.cuda.device_count()} GPUs here")
    gpu = NvmlDevice(f"GPU-{torch.cuda.get_device_properties(index).uuid}")
    return OpenDevice(GpuMonitor(gpu), NvmlCounter(gpu))
