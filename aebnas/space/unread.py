"""What stands for spaces and architectures whose code was not loaded: they can be listed, not built.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from aebnas.blocks.layer import Layer
from aebnas.extensions.consent import require_consent
from aebnas.space.api import Architecture, GivenNetwork, Segment
from aebnas.space.drawing import Box, Drawing, Row
from aebnas.space.gene_space import GeneSpace
from aebnas.space.genes import Genome
from aebnas.space.network import identity_of
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task


class UnreadNetwork:
    """An architecture as a run stores it: its key, the names of its exits, its fields."""

    def __init__(self, plain: Mapping[str, Any]) -> None:
        """Take what ``to_dict`` described.

        Raises:
            TypeError: It does not name its kind and its exits.
        """
        exits = plain.get("exits")
        if not isinstance(exits, list) or not all(isinstance(name, str) for name in exits):
            raise TypeError("exits must be the names of its early exits")
        self._plain, self.exit_names = dict(plain), tuple(exits)
        self.backbone_types: tuple[str, ...] = ()

    def key(self) -> str:
        """Return the identity of the network."""
        return identity_of(self._plain)

    def input(self, task: Task) -> InputSpec:
        """Refuse."""
        self._refuse()

    def segments(self, task: Task) -> tuple[Segment, ...]:
        """Refuse."""
        self._refuse()

    def without_exits(self) -> UnreadNetwork:
        """Return the same network without early exits."""
        return UnreadNetwork({**self._plain, "exits": []})

    def given(self, task: Task) -> GivenNetwork | None:
        """Refuse."""
        self._refuse()

    def to_dict(self) -> dict[str, Any]:
        """Return what was stored."""
        return dict(self._plain)

    def drawing(self) -> Drawing:
        """Return its fields in words."""
        fields = [f"{name} {value}" for name, value in self._plain.items() if name not in ("kind", "exits")]
        kind = Row(str(self._plain["kind"]), (Box(", ".join(fields) or "no fields"),))
        return Drawing((), (Row("", (Box("code not run"),)), kind))

    def __eq__(self, other: object) -> bool:
        """Return whether the other is described alike."""
        return isinstance(other, UnreadNetwork) and self._plain == other._plain

    def __hash__(self) -> int:
        """Return a hash that equal architectures share."""
        return hash(self.key())

    def _refuse(self) -> NoReturn:
        require_consent(str(self._plain["kind"]))
        raise TypeError("it was read without consent; read it again")


class UnreadSpace(GeneSpace):
    """A space of which nothing is known but its name."""

    def __init__(self, kind: str, budget_fractions: Sequence[float], settings: Sequence[str]) -> None:
        """Take the name."""
        self._kind = kind
        super().__init__((), budget_fractions, settings)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return none that is known."""
        return ()

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Refuse."""
        self._refuse()

    def decode(self, genome: Genome) -> Architecture:
        """Refuse."""
        self._refuse()

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return none that is known."""
        return {}

    def count(self) -> int:
        """Refuse."""
        self._refuse()

    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Refuse."""
        self._refuse()

    def backbone_types(self) -> tuple[str, ...]:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        require_consent(self._kind)
        raise TypeError("it was read without consent; read it again")
