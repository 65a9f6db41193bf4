"""A space of chains: equal convolutions in a row, an exit behind each that may be there or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aebnas.errors import ConfigError
from aebnas.extending import (
    Architecture,
    BlockSpec,
    Box,
    Drawing,
    DrawnExit,
    Gene,
    GeneSpace,
    Genome,
    InputSpec,
    Layer,
    PlainNetwork,
    Row,
    SearchSpace,
    Segment,
    SpaceKind,
    SpaceRequest,
    Task,
    TensorSpec,
    classifier,
)


@dataclass(frozen=True)
class Chain(SpaceKind):
    """Convolutions of one width, the first of stride 2."""

    length: tuple[int, ...] = (2, 3)
    width: tuple[int, ...] = (8,)
    kernel: int = 3

    def space(self, request: SpaceRequest) -> SearchSpace:
        if len(request.own_size) != 2:
            raise ConfigError("space: a chain takes images")
        return ChainSpace(self, request)

    @classmethod
    def architecture(cls, plain: Mapping[str, Any]) -> Architecture:
        return ChainNetwork.from_dict(plain)


@dataclass(frozen=True)
class ChainNetwork(PlainNetwork):
    """So many convolutions; an exit ``linkN`` stands behind the N-th."""

    length: int
    width: int
    kernel: int
    size: tuple[int, ...]

    @property
    def backbone_types(self) -> tuple[str, ...]:
        return ("conv",)

    def input(self, task: Task) -> InputSpec:
        return task.input(self.size)

    def segments(self, task: Task) -> tuple[Segment, ...]:
        features, waiting, segments = (
            TensorSpec(task.samples.channels, self.size),
            list[Layer](),
            list[Segment](),
        )
        for number in range(1, self.length + 1):
            stride = 2 if number == 1 else 1
            waiting.append(Layer(BlockSpec("conv", self.kernel, self.width, stride), features))
            features = waiting[-1].output
            if f"link{number}" in self.exits:
                segments.append(
                    Segment(tuple(waiting), (classifier(features, task.classes),), f"link{number}")
                )
                waiting = []
        return (*segments, Segment(tuple(waiting), (classifier(features, task.classes),)))

    def drawing(self) -> Drawing:
        head = (Box("classifier", is_head=True),)
        rows = [Row("", (Box("images"),))]
        for number in range(1, self.length + 1):
            name = "final" if number == self.length else f"link{number}"
            exit_ = DrawnExit(name, head) if name in (*self.exits, "final") else None
            rows.append(Row(f"link{number}", (Box(f"conv k{self.kernel} w{self.width}", self.width),), exit_))
        return Drawing(self.size, tuple(rows))


class ChainSpace(GeneSpace):
    """All chains of some lengths and widths."""

    def __init__(self, options: Chain, request: SpaceRequest) -> None:
        self._options, self._request = options, request
        genes = [Gene("length", options.length, "chain"), Gene("width", options.width, "chain")]
        genes += [Gene(f"exit.{name}", (False, True), name) for name in self.exit_positions]
        super().__init__(genes, request.budget_fractions, request.settings)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        return tuple(f"link{number}" for number in range(1, max(self._options.length)))

    def decode(self, genome: Genome) -> ChainNetwork:
        self.check(genome)
        length = self.choice(genome, "length")
        exits = tuple(name for name in self._before(length) if self.choice(genome, f"exit.{name}"))
        return self._network(length, self.choice(genome, "width"), exits)

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        if not isinstance(architecture, ChainNetwork):
            raise ConfigError(f"architecture {architecture.key()} is no chain")
        exits = {f"exit.{name}": name in architecture.exits for name in self._before(architecture.length)}
        return self.indices({"length": architecture.length, "width": architecture.width, **exits})

    def count(self) -> int:
        return len(self._options.width) * sum(2 ** (length - 1) for length in self._options.length)

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        return (task.input(self._request.own_size),)

    def layers(self, task: Task) -> tuple[Layer, ...]:
        longest = (self._network(max(self._options.length), width, ()) for width in self._options.width)
        everywhere = [network.segments(task)[0] for network in longest]
        return tuple(dict.fromkeys(layer for segment in everywhere for layer in segment.layers()))

    def backbone_types(self) -> tuple[str, ...]:
        return ("conv",)

    def _before(self, length: int) -> tuple[str, ...]:
        return self.exit_positions[: length - 1]

    def _network(self, length: int, width: int, exits: tuple[str, ...]) -> ChainNetwork:
        return ChainNetwork(
            self._request.kind, exits, length, width, self._options.kernel, tuple(self._request.own_size)
        )
