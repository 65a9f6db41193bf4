"""What architectures cost on the devices of a search.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aebnas.blocks.layer import Layer
from aebnas.config.text_paths import expanded
from aebnas.errors import HardwareError
from aebnas.hardware.profile.profile import HardwareProfile, read_profile
from aebnas.space.api import Architecture, SearchSpace, Segment, cut_short
from aebnas.task.task import Task

ReachCosts = dict[str, tuple[float, ...]]
"""Cost to leave at each exit, by ``latency_ms@PROFILE`` and ``energy_mj@PROFILE``."""


@dataclass(frozen=True)
class DeviceCosts:
    """The hardware profiles of a search."""

    profiles: tuple[HardwareProfile, ...] = ()

    @classmethod
    def read(cls, paths: Iterable[Path | str]) -> DeviceCosts:
        """Read profiles.

        Raises:
            ConfigError: A file cannot be read or is wrong.
        """
        return cls(tuple(read_profile(expanded("hardware", path)) for path in paths))

    @classmethod
    def for_space(
        cls, paths: Iterable[Path | str], metrics: Iterable[str], space: SearchSpace, task: Task
    ) -> DeviceCosts:
        """Read profiles, and check that they know all that a search of a space may ask.

        Args:
            paths: Of the profiles.
            metrics: What is asked, as the file names it: objectives, constraints, what exits trade.
            space: The space.
            task: What comes in, and how many answers there are.

        Raises:
            ConfigError: A file cannot be read or is wrong.
            HardwareError: A profile lacks a layer of the space, or energies.
        """
        devices = cls.read(paths)
        if devices.profiles:  # listing a large space takes seconds
            devices.require(space.layers(task), tuple(metrics))
        return devices

    def require(self, layers: Sequence[Layer], metrics: Iterable[str]) -> None:
        """Check before anything is trained that every question can be answered.

        Args:
            layers: All layers of the space.
            metrics: Objectives and constraints, as the file names them.

        Raises:
            HardwareError: A layer was not measured, or energies are asked for that a device does not tell.
        """
        for profile in self.profiles:
            profile.require(layers)
            energies = [name for name in metrics if name.removeprefix("worst_").startswith("energy_mj")]
            asked = [name for name in energies if name.partition("@")[2] in ("", profile.name)]
            if asked and not profile.has_energy:
                raise HardwareError(
                    f"{asked[0]}: profile {profile.name!r} has no energies "
                    f"({profile.metadata.energy.note or 'the device has no counter'}); take latency_ms"
                )

    def reach_costs(self, architecture: Architecture, task: Task) -> ReachCosts:
        """Return what it costs to leave at each exit, on every device.

        Raises:
            HardwareError: A layer was not measured.
        """
        return self._of_plan(architecture.segments(task)) if self.profiles else {}

    def cut_short_costs(self, architecture: Architecture, task: Task) -> ReachCosts:
        """Return what the network costs that ends at each exit and has no earlier heads, on every device.

        Raises:
            HardwareError: A layer was not measured.
        """
        if not self.profiles:
            return {}
        plan = architecture.segments(task)
        each = [self._of_plan(cut_short(plan, i)) for i in range(len(plan))]
        return {name: tuple(costs[name][0] for costs in each) for name in each[0]}

    def _of_plan(self, plan: Sequence[Segment]) -> ReachCosts:
        costs: ReachCosts = {}
        for profile in self.profiles:
            costs[f"latency_ms@{profile.name}"] = tuple(profile.reach_latency_ms(plan).tolist())
            if profile.has_energy:
                costs[f"energy_mj@{profile.name}"] = tuple(profile.reach_energy_mj(plan).tolist())
        return costs

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of each profile by name."""
        return {profile.name: profile.fingerprint() for profile in self.profiles}


def reach_in(
    metric: str, reach_macs: Sequence[float], reach_costs: Mapping[str, Sequence[float]]
) -> Sequence[float]:
    """Return the cost of leaving at each exit in one quantity: ``macs``, ``latency_ms@PROFILE``, ...

    Raises:
        KeyError: The costs do not hold it.
    """
    return reach_macs if metric == "macs" else reach_costs[metric]
