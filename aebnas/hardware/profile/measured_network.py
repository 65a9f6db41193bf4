"""Networks that were measured whole: what a profile's correction is fitted and judged on.

Must not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from aebnas.errors import ConfigError
from aebnas.files.text import NoTextError, text_of
from aebnas.space.api import Architecture
from aebnas.space.spaces import architecture_from_dict
from aebnas.task.task import Task, classification

Role = Literal["fit", "validate"]


@dataclass(frozen=True)
class MeasuredNetwork:
    """Times to each exit of one network, measured twice in interleaved rounds."""

    space: str
    """Name of the search-space file it was drawn from."""
    role: Role
    """fit: the correction may see it; validate: it may not."""
    in_channels: int
    classes: int
    architecture: Architecture
    first_ms: tuple[float, ...]
    """Median over one half of the rounds, per exit, on the scale of the profile's anchor."""
    second_ms: tuple[float, ...]
    """Median over the other half."""

    @property
    def reach_ms(self) -> tuple[float, ...]:
        """Return the mean of the two measurements, per exit."""
        return tuple((a + b) / 2 for a, b in zip(self.first_ms, self.second_ms, strict=True))

    @property
    def task(self) -> Task:
        """Return what came in, and how many answers there were."""
        return classification(self.in_channels, self.classes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "architecture": self.architecture.to_dict()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> MeasuredNetwork:
        """Return the network that ``to_dict`` described.

        Raises:
            KeyError, TypeError, ValueError: It is incomplete or wrong.
        """
        network = cls(
            **{
                **plain,
                "architecture": architecture_from_dict(plain["architecture"]),
                "first_ms": _times(plain["first_ms"]),
                "second_ms": _times(plain["second_ms"]),
            }
        )
        if [type(plain[name]) for name in ("space", "in_channels", "classes")] != [str, int, int]:
            raise TypeError("space must be a text, in_channels and classes whole numbers")
        if network.role not in get_args(Role):
            raise ValueError(f"role must be one of {', '.join(get_args(Role))}, but got {network.role!r}")
        exits = len(network.architecture.exit_names) + 1
        if len(network.first_ms) != exits or len(network.second_ms) != exits:
            raise ValueError(f"times of {exits} exits are needed, but got {len(network.first_ms)}")
        if not all(0 < value < float("inf") for value in (*network.first_ms, *network.second_ms)):
            raise ValueError("times must be finite and > 0")
        return network


def _times(plain: Any) -> tuple[float, ...]:
    """Return times that JSON held as numbers.

    Raises:
        TypeError: They are no list of numbers.
    """
    if not isinstance(plain, list | tuple) or not all(type(time) in (int, float) for time in plain):
        raise TypeError(f"times must be a list of numbers, but got {plain!r}")
    return tuple(map(float, plain))


def by_space(networks: Iterable[MeasuredNetwork]) -> dict[str, list[MeasuredNetwork]]:
    """Return networks by the space they were drawn from, in the order given."""
    groups: dict[str, list[MeasuredNetwork]] = {}
    for network in networks:
        groups.setdefault(network.space, []).append(network)
    return groups


def read_networks(path: Path, count: int) -> tuple[MeasuredNetwork, ...]:
    """Read NAME.networks.jsonl; a missing file means: none.

    Args:
        path: The file.
        count: How many there must be, so that a truncated file is noticed.

    Raises:
        ConfigError: A line is wrong, or there are more or fewer.
    """
    if not path.exists():
        return ()
    networks = []
    try:
        lines = text_of(path.read_bytes()).removesuffix("\n").split("\n")
    except OSError as error:
        raise ConfigError(f"{path}:1: cannot be read: {error}") from error
    except NoTextError as error:
        raise ConfigError(f"{path}:{error.line}: {error}") from error
    lines = lines if lines != [""] else []
    for number, line in enumerate(lines, start=1):
        try:
            networks.append(MeasuredNetwork.from_dict(json.loads(line)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"{path}:{number}: no measured network: {error}") from error
    if len(networks) != count:
        raise ConfigError(f"{path}:{len(lines)}: {count} networks are needed, but got {len(networks)}")
    return tuple(networks)
