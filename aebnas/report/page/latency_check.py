"""Predicted against measured latency of the networks that a run's hardware profiles were checked on.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.errors import HardwareError, RunError
from aebnas.hardware.profile.measured_network import MeasuredNetwork
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.runs.contents import RunContents
from aebnas.runs.kept_profiles import kept_devices
from aebnas.runs.store.store import RunStore


@dataclass(frozen=True)
class LatencyCheck:
    """One profile's networks that were measured whole."""

    profile: str
    device: str
    points: tuple[tuple[float, float, int, bool], ...]
    """Measured and predicted milliseconds to an exit, the exit (from 1), whether the fit saw the network."""

    @property
    def mean_error(self) -> float | None:
        """Return the mean |predicted / measured - 1| over networks that the fit did not see."""
        errors = [abs(predicted / measured - 1) for measured, predicted, _, seen in self.points if not seen]
        return sum(errors) / len(errors) if errors else None


def latency_checks(run: RunContents, store: RunStore) -> tuple[LatencyCheck, ...]:
    """Return one check per profile that has measured networks; none where profiles cannot be read."""
    if not run.config.hardware:
        return ()
    try:
        profiles = kept_devices(store, run.config.profiles).profiles
    except RunError:
        return ()  # a damaged copy stops `resume`, not the report
    checks = (
        LatencyCheck(profile.name, profile.metadata.device.name, _points(profile)) for profile in profiles
    )
    return tuple(check for check in checks if check.points)


def _points(profile: HardwareProfile) -> tuple[tuple[float, float, int, bool], ...]:
    return tuple(point for network in profile.networks for point in _exits(profile, network))


def _exits(profile: HardwareProfile, network: MeasuredNetwork) -> list[tuple[float, float, int, bool]]:
    plan = network.architecture.segments(network.task)
    try:
        predicted = profile.reach_latency_ms(plan).tolist()
    except HardwareError:
        return []  # measured for a space whose layers the table no longer has
    pairs = zip(network.reach_ms, predicted, strict=True)
    return [(ms, own, i, network.role == "fit") for i, (ms, own) in enumerate(pairs, 1)]
