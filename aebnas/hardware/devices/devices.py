"""What this machine has: GPUs through NVML, the processor's name.

Must not import torch: NVML answers without creating a CUDA context.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU."""

    index: int
    name: str
    memory_mb: float
    driver: str


def gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs that NVML lists; empty where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        driver = text_of(pynvml.nvmlSystemGetDriverVersion())
        gpus_listed = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total / 1e6
            gpus_listed.append(Gpu(index, text_of(pynvml.nvmlDeviceGetName(handle)), memory, driver))
        return tuple(gpus_listed)
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def machine() -> dict[str, Any]:
    """Return the processor, operating system and GPUs, fit for JSON."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "gpus": [asdict(gpu) for gpu in gpus()],
    }


def text_of(value: str | bytes) -> str:
    """Return NVML's text: older bindings answer in bytes."""
    return value.decode() if isinstance(value, bytes) else value


def processor() -> str:
    """Return the processor's name."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
