"""A GPU watched through NVML: clocks, throttling, power, temperature, energy, other processes.

Every question may be "not supported" on some board or driver: then the answer is
None and the question is listed among what the device would not tell.  Must not
import torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from aebnas.errors import HardwareError
from aebnas.hardware.devices.devices import text_of

THROTTLE_REASONS = {
    "nvmlClocksThrottleReasonSwPowerCap": "power cap",
    "nvmlClocksThrottleReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "thermal slowdown (driver)",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "thermal slowdown (hardware)",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power brake",
    "nvmlClocksThrottleReasonSyncBoost": "sync boost",
}
"""NVML's constants for reasons that make a measurement slower than the device; idle is none."""


class NvmlDevice:
    """One GPU, open until ``close``."""

    def __init__(self, which: int | str, nvml: Any = None) -> None:
        """Open a GPU.

        Args:
            which: NVML's index, or ``GPU-...`` (the UUID): CUDA_VISIBLE_DEVICES renumbers CUDA's devices,
                not NVML's.
            nvml: The library's interface; default: nvidia-ml-py.

        Raises:
            HardwareError: There is no driver or no such GPU.
        """
        import pynvml

        self._nvml: Any = pynvml if nvml is None else nvml
        nvml = self._nvml
        self.unknown: set[str] = set()
        try:
            nvml.nvmlInit()
            try:
                by_uuid = isinstance(which, str)
                find = nvml.nvmlDeviceGetHandleByUUID if by_uuid else nvml.nvmlDeviceGetHandleByIndex
                self._handle = find(which)
            except nvml.NVMLError:
                nvml.nvmlShutdown()
                raise
        except nvml.NVMLError as error:
            raise HardwareError(f"GPU {which} is not there: {error}. List devices: aebnas devices") from error

    def close(self) -> None:
        """Close NVML."""
        self._nvml.nvmlShutdown()

    @property
    def name(self) -> str:
        """Return the board's name."""
        return self._ask("name", lambda n, h: text_of(n.nvmlDeviceGetName(h))) or "unknown GPU"

    @property
    def driver(self) -> str | None:
        """Return the driver's version."""
        return self._ask("driver", lambda n, h: text_of(n.nvmlSystemGetDriverVersion()))

    @property
    def power_limit_w(self) -> float | None:
        """Return the enforced power limit."""
        return self._ask("power limit", lambda n, h: n.nvmlDeviceGetEnforcedPowerLimit(h) / 1e3)

    def clock_mhz(self) -> float | None:
        """Return the clock of the multiprocessors now."""
        return self._ask("clock", lambda n, h: float(n.nvmlDeviceGetClockInfo(h, n.NVML_CLOCK_SM)))

    def temperature_c(self) -> float | None:
        """Return the temperature now."""
        return self._ask(
            "temperature", lambda n, h: float(n.nvmlDeviceGetTemperature(h, n.NVML_TEMPERATURE_GPU))
        )

    def energy_mj(self) -> float | None:
        """Return the energy counter: millijoules since the driver was loaded; None: no counter."""
        return self._ask("energy counter", lambda n, h: float(n.nvmlDeviceGetTotalEnergyConsumption(h)))

    def throttled(self) -> tuple[str, ...]:
        """Return why the clocks are lowered now, idle excepted."""
        bits = self._ask("throttle reasons", lambda n, h: int(n.nvmlDeviceGetCurrentClocksThrottleReasons(h)))
        if not bits:
            return ()
        reasons = ((getattr(self._nvml, name, 0), text) for name, text in THROTTLE_REASONS.items())
        return tuple(text for bit, text in reasons if bits & bit)

    def strangers(self) -> tuple[str, ...]:
        """Return other processes that use the GPU, as ``pid 123``."""
        own = os.getpid()
        pids: list[int] = []
        for question in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
            processes = self._ask("processes", lambda n, h, q=question: getattr(n, q)(h)) or []
            pids += [int(process.pid) for process in processes if int(process.pid) != own]
        return tuple(f"pid {pid}" for pid in sorted(set(pids)))

    def _ask(self, question: str, answer: Callable[..., Any]) -> Any:
        try:
            return answer(self._nvml, self._handle)
        except (self._nvml.NVMLError, AttributeError):  # AttributeError: an older nvidia-ml-py
            self.unknown.add(question)
            return None
