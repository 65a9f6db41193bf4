"""What architectures of any kind have in common: their identity, and being written and read.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

from aebnas.space.api import GivenNetwork, Segment
from aebnas.space.drawing import Drawing
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task


def identity_of(plain: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that identify plain values: the key of an architecture."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PlainNetwork(ABC):
    """An architecture whose fields are numbers, texts and tuples of such, and say all that is trained.

    Obeys ``aebnas.space.api.Architecture``.  A subclass is a frozen dataclass.
    """

    kind: str
    """By which files name the kind of its space."""
    exits: tuple[str, ...]
    """What its early exits are called, in order; the last classifier is not among them."""

    @abstractmethod
    def input(self, task: Task) -> InputSpec:
        """Return what it takes in: the size, and how samples of the task are brought to it."""

    @property
    @abstractmethod
    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that its backbone is made of, each once."""

    @abstractmethod
    def segments(self, task: Task) -> tuple[Segment, ...]:
        """Return the layers, segment by segment: one per exit, the last ends in the last classifier."""

    @abstractmethod
    def drawing(self) -> Drawing:
        """Return what the page draws and the terminal says."""

    @property
    def exit_names(self) -> tuple[str, ...]:
        """Return what its early exits are called, in order."""
        return self.exits

    def without_exits(self) -> Self:
        """Return the same network without early exits."""
        return replace(self, exits=())

    def given(self, task: Task) -> GivenNetwork | None:
        """Return the trained network that its exits stand on; None: it is made of blocks."""
        return None

    def key(self) -> str:
        """Return the identity of the network: 16 hexadecimal digits."""
        return self._key

    @cached_property
    def _key(self) -> str:
        return identity_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and scalars by the names of the fields, fit for JSON and YAML."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Return the network that ``to_dict`` described; lists become tuples.

        Raises:
            TypeError: A field is missing or unknown.
        """
        names = {field.name for field in fields(cls)}
        if set(plain) != names:
            raise TypeError(f"fields must be {', '.join(sorted(names))}, but are {', '.join(sorted(plain))}")
        return cls(**{name: _frozen(value) for name, value in plain.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
