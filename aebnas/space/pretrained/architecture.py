"""A trained network with exits: what it is made of, in plain values that can be read without the network.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ConfigError
from aebnas.pretrained.layer import END, START, TYPE
from aebnas.pretrained.network_names import is_file
from aebnas.pretrained.reordering import reordered
from aebnas.pretrained.to_map import mapped, to_map
from aebnas.space.api import GivenNetwork, Segment
from aebnas.space.architecture import blocks_of, boxes_of, chain, parsed_normalisation
from aebnas.space.drawing import Box, Drawing, DrawnExit, Row
from aebnas.space.names import FINAL
from aebnas.space.network import PlainNetwork, identity_of
from aebnas.space.pretrained.source import NetworkSource
from aebnas.task.input_spec import Colours, InputSpec, Normalisation
from aebnas.task.task import Task

if TYPE_CHECKING:
    from aebnas.pretrained.cut_network import CutNetwork

Head = Literal["keep", "replace"]
"""Whether the network's own classifier answers last, or a new one behind its last feature map."""


class Place(NamedTuple):
    """Where a network is cut."""

    name: str
    features: TensorSpec
    """Shape of the tensor there, for one image."""


@dataclass(frozen=True)
class PretrainedArchitecture(PlainNetwork):
    """A network that somebody trained, at a resolution, with exits."""

    network: str
    """By which files name it."""
    weights: str = field(compare=False)
    """The file that is read into it, empty: its own; ``identity`` says what they are, wherever they lie."""
    answer: str
    """Which part of its answer the logits are; empty: the only candidate."""
    label: str
    """What it is called among the networks of its space, and what names of exits begin with; empty: alone."""
    identity: str
    """Of its operations at this resolution, and of its weights."""
    size: tuple[int, ...]
    """Height and width of images."""
    head: Head
    """Of the whole network; where it ends earlier its classifier is new."""
    classes: tuple[str, ...]
    """Names of its own classifier's classes, in their order; none: those of the data, in theirs."""
    last: str
    """The place where it ends; empty: its own end."""
    places: tuple[Place, ...]
    """Where its pieces end: wherever the space may have exits, and the last feature map."""
    branches: tuple[tuple[BlockSpec, ...], ...]
    """Modules of each exit; pooling and classifier follow."""
    normalisation: Normalisation | None
    """The network's own; None: that of the data."""
    colours: Colours

    @property
    def backbone_types(self) -> tuple[str, ...]:
        """Return that its backbone is made of pieces."""
        return (TYPE,)

    def input(self, task: Task) -> InputSpec:
        """Return the resolution, normalised and ordered as the network was trained."""
        usual = replace(task.input(self.size), colours=self.colours)
        if self.normalisation is None:
            return usual
        return replace(usual, normalisation=self.normalisation.of_channels(task.samples.channels))

    def segments(self, task: Task) -> tuple[Segment, ...]:
        """Return the pieces up to each exit with its branch; the last segment ends in the head.

        Raises:
            ConfigError: The network became another one, or its own head has other classes.
            NetworkError: The network is not there.
            CodeRefusedError: It is code, which this process may not run.
        """
        network = self._network(task)
        branches = dict(zip(self.exits, self.branches, strict=True))
        waiting, segments, start = list[Layer](), list[Segment](), START
        for place in self.places_up_to(self.last):
            waiting.append(network.layer(start, place.name))
            name = self.exit_name(place)
            if name in branches:
                branch = self._branch(branches[name], place.features, task)
                segments.append(Segment(tuple(waiting), branch, name))
                waiting = []
            start = place.name
        return (*segments, Segment(tuple(waiting), self._head(network, task), FINAL))

    def places_up_to(self, end: str) -> tuple[Place, ...]:
        """Return the places up to one of them; empty: to the network's own end."""
        names = [place.name for place in self.places]
        return self.places[: names.index(end) + 1 if end else None]

    def exit_name(self, place: Place) -> str:
        """Return what an exit at a place is called."""
        return f"{self.label}.{place.name}" if self.label else place.name

    @property
    def keeps_head(self) -> bool:
        """Whether the network's own classifier answers last."""
        return self.head == "keep" and not self.last

    def without_exits(self) -> Self:
        """Return the same network without early exits."""
        return replace(self, exits=(), branches=())

    def given(self, task: Task) -> GivenNetwork:
        """Return the whole network in all its pieces, wherever this one ends.

        Raises:
            ConfigError, NetworkError, CodeRefusedError: As of ``segments``.
        """
        whole = replace(self.without_exits(), last="")
        (segment,) = whole.segments(task)
        return GivenNetwork(
            self.label,
            self.identity,
            self.input(task),
            tuple(place.name for place in self.places),
            segment.backbone,
            segment.exit,
            whole.keeps_head,
        )

    def drawing(self) -> Drawing:
        """Return a row for each piece, and the exits behind them."""
        branches = dict(zip(self.exits, self.branches, strict=True))
        rows = [Row("", (Box(Path(self.network).name),))]
        for place in self.places_up_to(self.last):
            drawn, name = None, self.exit_name(place)
            if name in branches:
                boxes, _ = boxes_of(branches[name], mapped(place.features, self.size))
                drawn = DrawnExit(name, (*boxes, Box("classifier", is_head=True)))
            size = place.features.size
            rows.append(Row(place.name, (Box("pretrained", place.features.channels, size),), drawn))
        head = "its own classifier" if self.keeps_head else "classifier"
        rows[-1] = replace(rows[-1], exit=DrawnExit(FINAL, (Box(head, is_head=True),)))
        return Drawing(self.size, tuple(rows))

    def key(self) -> str:
        """Return the identity of the network: 16 hexadecimal digits; where its files lie does not matter."""
        plain = self.to_dict()
        del plain["weights"]
        if is_file(self.network):
            plain["network"] = Path(self.network).name
        return identity_of(plain)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Return the architecture that ``to_dict`` described; neither network nor code is looked at.

        Raises:
            KeyError, TypeError: A field is missing or unknown.
        """
        read = super().from_dict(plain)
        mean_and_std = plain["normalisation"]
        own = dict(zip(Normalisation._fields, mean_and_std, strict=True)) if mean_and_std else None
        return replace(
            read,
            places=tuple(_place(*place) for place in plain["places"]),
            branches=tuple(blocks_of(branch) for branch in plain["branches"]),
            normalisation=parsed_normalisation(own),
        )

    def _network(self, task: Task) -> CutNetwork:
        """Return the network, the same as it was when the space was made."""
        image = self.input(task).tensor
        source = NetworkSource(self.network, self.weights, self.answer)
        if source.identity(image) != self.identity:
            raise ConfigError(
                f"{self.network} is not the network that it was: its operations or weights have the identity "
                f"{source.identity(image)}, those of architecture {self.key()} {self.identity}. Bring back "
                "the code and weights of then, or search again"
            )
        return source.at(image)

    def _branch(self, blocks: tuple[BlockSpec, ...], features: TensorSpec, task: Task) -> tuple[Layer, ...]:
        """Return the layers of an exit: the features as a map, modules, classifier."""
        first = to_map(features, self.size)
        modules, reached = chain(blocks, first[-1].output if first else features)
        return (*first, *modules, classifier(reached, task.classes))

    def _head(self, network: CutNetwork, task: Task) -> tuple[Layer, ...]:
        if not self.keeps_head:
            return self._branch((), self.places_up_to(self.last)[-1].features, task)
        own = network.layer(self.places[-1].name, END)
        if self.classes:
            return (own, *reordered(own.output, self.classes, task, self.network))
        if network.classes != task.classes:
            raise ConfigError(
                f"space.head: {self.network} answers with {network.classes} classes, but the data have "
                f"{task.classes}: name the classes of its answers in their order (space.classes), or set "
                "space.head=replace"
            )
        return (own,)


def _place(name: str, features: tuple[int, list[int], bool]) -> Place:
    channels, size, channels_last = features
    return Place(name, TensorSpec(channels, tuple(size), channels_last))
