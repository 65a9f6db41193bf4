"""Where a profile's numbers come from: versions, conditions, and what must not be mixed in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from aebnas.errors import HardwareError
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.monitor import Monitor
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import Conditions, DeviceMetadata, method_of
from aebnas.version import __version__

MEASURING_PACKAGES = ("torch", "onnxruntime", "onnx", "numpy", "nvidia-ml-py", "thop")
ProfileListener = Callable[[str, int, int], None]
"""Told the stage, what is done and of how much."""


def ignore(stage: str, done: int, total: int) -> None:
    """Ignore the progress."""


def versions() -> dict[str, str]:
    """Return the versions of the libraries that take part."""
    versions_here = {"aebnas": __version__, **{name: version(name) for name in MEASURING_PACKAGES}}
    if torch.version.cuda is not None:
        versions_here |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
    return versions_here


def runtime_version(target: Target) -> str:
    """Return the runtime with its version."""
    return f"{target.runtime} {versions()[target.runtime]}"


def refuse_mixture(existing: HardwareProfile, device: DeviceMetadata, has_counter: bool, path: Path) -> None:
    """Check that new rows may stand beside those of an existing table.

    Raises:
        HardwareError: It was made on another device, with another runtime or driver, or has energies
            that cannot be measured now.
    """
    metadata, now = existing.metadata, versions()
    cure = f"Name another profile with -o, or measure everything anew: --again -o {path}"
    runtime = metadata.target.runtime
    for what, then, here in (
        ("device", metadata.device.name, device.name),
        ("driver", metadata.device.driver, device.driver),
        (runtime, metadata.versions.get(runtime), now[runtime]),
        ("method", metadata.method, method_of(metadata.target)),
    ):
        if then != here:
            raise HardwareError(f"{path} was made with another {what} ({then}, here {here}). {cure}")
    if existing.has_energy and not has_counter:
        raise HardwareError(
            f"{path} has energies ({metadata.energy.source}), but that counter cannot be read here now. "
            f"{cure}"
        )


def watching(monitor: Monitor, listen: ProfileListener) -> ProfileListener:
    """Return a listener that looks at the device whenever something was measured."""

    def on_step(stage: str, done: int, total: int) -> None:
        monitor.look()
        listen(stage, done, total)

    return on_step


def merged_conditions(earlier: Conditions | None, now: Conditions, profile: HardwareProfile) -> Conditions:
    """Return what was seen in this session and before.

    Args:
        earlier: Of the profile that was extended.
        now: Of this session.
        profile: Whose marked rows are counted.
    """
    before = Conditions() if earlier is None else earlier
    return Conditions(
        clock_mhz=_spread(before.clock_mhz, now.clock_mhz),
        temperature_c=_spread(before.temperature_c, now.temperature_c),
        others_cores=_spread(before.others_cores, now.others_cores),
        throttled=tuple(dict.fromkeys((*before.throttled, *now.throttled))),
        strangers=tuple(dict.fromkeys((*before.strangers, *now.strangers))),
        marked_rows=sum(row.note not in ("", "unstable") for row in profile.rows.values()),
        unknown=tuple(dict.fromkeys((*before.unknown, *now.unknown))),
    )


def _spread(before: Sequence[float], now: Sequence[float]) -> tuple[float, ...]:
    """Return smallest, median (of the later session) and largest of both."""
    if not before or not now:
        return tuple(before or now)
    return min(before[0], now[0]), now[1], max(before[2], now[2])
