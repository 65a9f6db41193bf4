"""What this machine has, and which profiles fit it.  Must not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aebnas.errors import ConfigError
from aebnas.hardware.devices import host
from aebnas.hardware.devices.devices import gpus, processor
from aebnas.hardware.profile.profile import HardwareProfile, read_profile


@dataclass(frozen=True)
class Device:
    """One device that can be profiled."""

    device: str
    """What ``--device`` calls it."""
    name: str
    metadata: tuple[str, ...]
    profiles: tuple[str, ...]
    """Profiles that were made on a device of this name."""


@dataclass(frozen=True)
class Inventory:
    """Devices, and the profiles that fit none."""

    devices: tuple[Device, ...]
    others: tuple[tuple[str, str], ...]
    """Path, and why it does not fit."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def inventory(folder: Path) -> Inventory:
    """Return this machine's devices.

    Args:
        folder: Where profiles lie.
    """
    profiles: dict[Path, HardwareProfile] = {}
    others: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            profiles[path] = read_profile(path)
        except ConfigError as error:
            others.append((str(path), f"cannot be used: {str(error).splitlines()[0]}"))
    devices = [_cpu(profiles)]
    devices += [
        Device(
            f"cuda:{gpu.index}",
            gpu.name,
            (f"{gpu.memory_mb / 1e3:.0f} GB", f"driver {gpu.driver}"),
            _fitting(profiles, gpu.name, "cuda"),
        )
        for gpu in gpus()
    ]
    fitting = {name for device in devices for name in device.profiles}
    others += [
        (str(path), f"made on {profile.metadata.device.name}")
        for path, profile in profiles.items()
        if _described(path, profile) not in fitting
    ]
    return Inventory(tuple(devices), tuple(others))


def _cpu(profiles: dict[Path, HardwareProfile]) -> Device:
    metadata = [f"{host.cores()} cores for this process"]
    governor, clock = host.governor(), host.clock_mhz()
    metadata.append(f"governor {governor}" if governor else "frequency governor: the system does not tell")
    if clock is not None:
        metadata.append(f"clock {clock:.0f} MHz")
    try:
        host.RaplCounter()
        metadata.append("energy: RAPL package counter")
    except (OSError, ValueError):
        metadata.append("energy: no counter that may be read")
    return Device("cpu", processor(), tuple(metadata), _fitting(profiles, processor(), "cpu"))


def _fitting(profiles: dict[Path, HardwareProfile], name: str, kind: str) -> tuple[str, ...]:
    return tuple(
        _described(path, profile)
        for path, profile in profiles.items()
        if profile.metadata.device.name == name and profile.metadata.target.device.startswith(kind)
    )


def _described(path: Path, profile: HardwareProfile) -> str:
    spaces = ", ".join(profile.metadata.spaces)
    return f"{path} ({profile.metadata.target}; {len(profile.rows):,} layers of {spaces})"
