"""What a hardware profile predicts, and how fast the machine is now against then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aebnas.deploy.manifest import Manifest
from aebnas.errors import HardwareError
from aebnas.hardware.profile.profile import HardwareProfile, read_profile


class Level:
    """The anchor network, timed between other measurements; builds it with torch."""

    def __init__(self, path: Path, threads: int) -> None:
        """Read a profile and prepare its anchor.

        Raises:
            ConfigError: The profile is wrong.
            HardwareError: It is of another runtime, batch size or number of threads, or torch is missing.
        """
        self.profile = read_profile(path)
        target = self.profile.metadata.target
        if (target.device, target.runtime, target.batch_size) != ("cpu", "onnxruntime", 1):
            raise HardwareError(
                f"{path}: profile of {target.runtime} on {target.device} at batch {target.batch_size}; "
                "exported networks run in onnxruntime on the CPU, one image by one"
            )
        if target.threads != threads:
            raise HardwareError(f"{path}: profile of {target.threads} threads, but --threads is {threads}")
        try:
            from aebnas.hardware.measure.network_clock import anchor_clock
        except ModuleNotFoundError as error:
            raise HardwareError(
                f"--hardware: predictions are brought to the machine's level of now by a network that "
                f"{error.name} builds, and it is not installed here. Install it, or leave --hardware out"
            ) from error

        self._anchor = anchor_clock(target)
        self._samples: list[float] = []

    def sample(self) -> None:
        """Time the anchor once."""
        self._samples.append(float(self._anchor.sample_ns()[-1]) / 1e6)

    @property
    def ratio(self) -> float:
        """Return the anchor's time now / when the profile was made."""
        return float(np.median(self._samples)) / self.profile.metadata.anchor_ms


def predicted_reach_ms(profile: HardwareProfile, manifest: Manifest) -> NDArray[np.float64]:
    """Return the predicted time to leave at each exit, ``(exits,)``.

    Raises:
        HardwareError: A layer was not measured.
    """
    plan = manifest.architecture.segments(manifest.task)
    return profile.reach_latency_ms(plan)
