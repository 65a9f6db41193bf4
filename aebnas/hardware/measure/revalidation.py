"""Does a profile still hold on this device?  Its validation networks, measured again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from aebnas.errors import HardwareError
from aebnas.hardware.measure.network_clock import anchor_clock, measure_networks, network_clock
from aebnas.hardware.measure.open_device import open_device
from aebnas.hardware.measure.profile_session import reach_macs
from aebnas.hardware.measure.samples import SampleFile
from aebnas.hardware.profile.agreement import agreements
from aebnas.hardware.profile.measured_network import MeasuredNetwork, by_space
from aebnas.hardware.profile.profile import HardwareProfile, read_profile
from aebnas.hardware.profile.profile_schema import Agreement, Conditions, DeviceMetadata
from aebnas.hardware.profile.provenance import ProfileListener, ignore, watching
from aebnas.runtime.process import prepare_process

ANCHOR_ROUNDS = 10
LEVEL_TOLERANCE = 0.1
"""The level of one machine drifts by 1 to 8% within minutes; more is another clock or a busy machine."""
BUSY_CORES = 0.5
"""Others' load, in cores, beyond which a deviation may be theirs."""
WORST_MAPE = 0.05
GROWTH = 2.0
"""The error may be this many times that of the day the profile was made."""


@dataclass(frozen=True)
class Revalidation:
    """What measuring again said."""

    device: DeviceMetadata
    conditions: Conditions
    same_device: bool
    level: float
    """Time of the anchor now / then: 1.03 means that everything takes 3% longer today."""
    spaces: dict[str, Agreement]
    """Error of the predictions per space, the level taken out."""
    then: dict[str, Agreement]
    """The same on the day the profile was made."""

    def disturbances(self) -> list[str]:
        """Return what else went on while the networks were measured."""
        busy = self.conditions.others_cores
        sentences = (
            [f"other processes kept {busy[1]:.1f} cores busy"] if busy and busy[1] > BUSY_CORES else []
        )
        sentences += [f"its clocks were lowered ({reason})" for reason in self.conditions.throttled]
        return sentences + [f"another process used it ({process})" for process in self.conditions.strangers]

    def complaints(self) -> list[str]:
        """Return why the profile does not hold here; empty: it does."""
        wrong = [] if self.same_device else [f"it was made on another device than {self.device.name}"]
        if abs(self.level - 1) > LEVEL_TOLERANCE:
            word = "slower" if self.level > 1 else "faster"
            wrong.append(f"the device is {abs(self.level - 1):.1%} {word} than when it was made")
        for space, now in self.spaces.items():
            limit = max(WORST_MAPE, GROWTH * self.then[space].mape)
            if now.mape > limit:
                wrong.append(f"{space}: predictions are wrong by {now.mape:.1%}, more than {limit:.1%}")
        return wrong


def revalidate(path: Path, listen: ProfileListener = ignore) -> Revalidation:
    """Measure a profile's validation networks again, on this device.

    Raises:
        ConfigError: The profile is damaged.
        HardwareError: The device is not there, or the profile has no networks.
    """
    profile = read_profile(path)
    networks = [network for network in profile.networks if network.role == "validate"]
    if not networks:
        raise HardwareError(
            f"{path} has no validation networks: {path.stem}.networks.jsonl is missing or empty"
        )
    target = profile.metadata.target
    prepare_process(torch.device(target.device), target.threads, compare_kernels=True)
    with closing(open_device(target).monitor) as monitor:
        watched = watching(monitor, listen)
        anchor = anchor_clock(target)
        anchor_ms = float(np.median([anchor.full_ns() for _ in range(ANCHOR_ROUNDS)])) / 1e6
        clocks = {}
        for i, network in enumerate(networks):
            clocks[network.architecture.key() + network.space] = network_clock(
                network.architecture, network.task, target
            )
            watched("networks", i + 1, len(networks))
        times = measure_networks(
            clocks,
            "",
            target,
            profile.metadata.anchor_ms,
            SampleFile(),
            lambda done, total: watched("rounds", done, total),
        )
        now = [
            replace(network, first_ms=tuple(first), second_ms=tuple(second))
            for network, (first, second) in zip(networks, times, strict=True)
        ]
        return Revalidation(
            device=monitor.device(),
            conditions=monitor.conditions(),
            same_device=monitor.device().name == profile.metadata.device.name,
            level=anchor_ms / profile.metadata.anchor_ms,
            spaces=_overall(profile, now),
            then=_overall(profile, networks),
        )


def _overall(profile: HardwareProfile, networks: Sequence[MeasuredNetwork]) -> dict[str, Agreement]:
    """Return how well each space is predicted, over all exits."""
    return {space: agreements(profile, some, reach_macs)[0] for space, some in by_space(networks).items()}
