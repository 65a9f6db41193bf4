"""Hardware profiles inside a run: runs/NAME/hardware/ holds what the search was scored with.

The original may be measured again or move away; a run must not change with it.  Must not
import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aebnas.errors import ConfigError, HardwareError, RunError
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.hardware.profile.profile import write_profile
from aebnas.runs.store.store import RunStore

FOLDER = "hardware"


def keep_profiles(store: RunStore, devices: DeviceCosts) -> None:
    """Copy the profiles into the run.

    Raises:
        RunError: The run cannot be written.
    """
    for profile in devices.profiles:
        try:
            write_profile(profile, store.path / FOLDER / f"{profile.name}.yaml")
        except HardwareError as error:
            raise RunError(str(error)) from error
    store.put_metadata("hardware", devices.fingerprints())


def kept_devices(store: RunStore, names: Sequence[str]) -> DeviceCosts:
    """Return the profiles that the run was begun with.

    Raises:
        RunError: A copy is missing or was changed.
    """
    folder: Path = store.path / FOLDER
    try:
        devices = DeviceCosts.read(folder / f"{name}.yaml" for name in names)
    except ConfigError as error:
        raise RunError(f"{store.path} is damaged: {error}") from error
    if devices.fingerprints() != (store.metadata("hardware") or {}):
        raise RunError(f"the hardware profiles in {folder} have changed since the run began")
    return devices
