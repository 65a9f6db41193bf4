"""Staged architectures: one canonical, hashable description of one early-exit network.

A ``StagedArchitecture`` says everything that changes what is trained and nothing
else: inactive genes are gone, so two genomes that build the same network decode to
equal architectures with equal keys.  Must not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

from pydantic import PlainValidator

from aebnas.blocks.block import NORM_EPS, PADDING, BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.table import block_named
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.space.api import GivenNetwork, Segment
from aebnas.space.drawing import Box, Drawing, DrawnExit, Row
from aebnas.space.names import CLASSIFIER, EXPAND, FINAL, STEM, block_slot, head_slot, module_slot
from aebnas.space.network import identity_of
from aebnas.task.input_size import Size, canonical_size, size_of
from aebnas.task.input_spec import InputSpec, Normalisation
from aebnas.task.task import Task

if TYPE_CHECKING:
    _Resolution: TypeAlias = Size
else:  # files are checked by it
    _Resolution = Annotated[Any, PlainValidator(canonical_size)]


TRACELESS: Mapping[str, Any] = {"padding": PADDING, "norm_eps": NORM_EPS, "normalisation": None}
"""Values that a description leaves out: keys of networks without them are those of ever."""


@dataclass(frozen=True)
class StemSpec:
    """The first convolution."""

    kernel: int
    stride: int
    width: int
    activation: str
    padding: str = PADDING
    norm_eps: float = NORM_EPS

    @classmethod
    def of(cls, block: BlockSpec) -> StemSpec:
        """Return the stem that a convolution is."""
        return cls(block.kernel, block.stride, block.width, block.activation, block.padding, block.norm_eps)

    def block(self) -> BlockSpec:
        """Return the convolution."""
        return BlockSpec("conv", **asdict(self))


@dataclass(frozen=True)
class StageSpec:
    """A row of blocks."""

    name: str
    blocks: tuple[BlockSpec, ...]

    @property
    def width(self) -> int:
        """Return the output channels."""
        return self.blocks[-1].width

    @property
    def stride(self) -> int:
        """Return the stage's total stride."""
        return self.blocks[0].stride


@dataclass(frozen=True)
class ExitSpec:
    """An exit branch after a stage: its modules; pooling and classifier follow."""

    after: str
    modules: tuple[BlockSpec, ...]


@dataclass(frozen=True)
class FinalSpec:
    """What stands before the last classifier; 0 channels mean absent."""

    expand: int
    features: int
    activation: str
    norm_eps: float = NORM_EPS
    """Of the convolution in front of the pooling."""

    def blocks(self) -> tuple[BlockSpec, ...]:
        """Return the 1x1 convolution, if there is one."""
        block = BlockSpec("conv", 1, self.expand, activation=self.activation, norm_eps=self.norm_eps)
        return (block,) if self.expand else ()


class BackbonePart(NamedTuple):
    """A row of backbone blocks and the exit behind it, if there is one."""

    name: str
    slots: tuple[str, ...]
    blocks: tuple[BlockSpec, ...]
    exit: ExitSpec | None = None
    is_stage: bool = True


@dataclass(frozen=True)
class StagedArchitecture:
    """One early-exit network, in canonical form."""

    resolution: _Resolution
    """Input height and width in pixels; one number where they are equal."""
    stem: StemSpec
    stages: tuple[StageSpec, ...]
    exits: tuple[ExitSpec, ...]
    """The exits that are present, in stage order; the final classifier is not among them."""
    final: FinalSpec
    normalisation: Normalisation | None = None
    """Its own, of each channel or of all alike; None: that of the data."""

    def __post_init__(self) -> None:
        """Write a square as one number: equal networks have equal keys."""
        object.__setattr__(self, "resolution", canonical_size(self.resolution))

    @property
    def exit_names(self) -> tuple[str, ...]:
        """Return the stages that have an exit, in order."""
        return tuple(exit_.after for exit_ in self.exits)

    @property
    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks of its stages, each once."""
        return tuple(dict.fromkeys(block.type for stage in self.stages for block in stage.blocks))

    def key(self) -> str:
        """Return the identity of the network: 16 hexadecimal digits of its SHA-256."""
        return self._key

    @cached_property
    def _key(self) -> str:
        # a search asks for it a hundred times per candidate; writing a network out takes half a millisecond
        return identity_of(self.to_dict())

    def input(self, task: Task) -> InputSpec:
        """Return the resolution, normalised as the network asks for, or by the data's own pixels."""
        usual = task.input(size_of(self.resolution))
        if self.normalisation is None:
            return usual
        return replace(usual, normalisation=self.normalisation.of_channels(task.samples.channels))

    def segments(self, task: Task) -> tuple[Segment, ...]:
        """Return the network's segments: one per exit, the last ends in the final classifier."""
        segments: list[Segment] = []
        backbone: list[Layer] = []
        slots: list[str] = []
        features = self.input(task).tensor
        for part in self.parts():
            layers, features = chain(part.blocks, features)
            backbone += layers
            slots += part.slots
            if part.exit is not None:
                modules, reached = chain(part.exit.modules, features)
                branch = (*modules, classifier(reached, task.classes))
                places = (*[module_slot(part.name)] * len(modules), head_slot(part.name))
                segments.append(Segment(tuple(backbone), branch, part.name, tuple(slots), places))
                backbone, slots = [], []
        last = classifier(features, task.classes, self.final.features, self.final.activation)
        return (*segments, Segment(tuple(backbone), (last,), FINAL, tuple(slots), (CLASSIFIER,)))

    def parts(self) -> Iterator[BackbonePart]:
        """Yield the rows of the backbone in the order in which they run: the only walk of an architecture."""
        exits = {exit_.after: exit_ for exit_ in self.exits}
        yield BackbonePart(STEM, (STEM,), (self.stem.block(),), is_stage=False)
        for stage in self.stages:
            slots = tuple(block_slot(stage.name, i) for i in range(len(stage.blocks)))
            yield BackbonePart(stage.name, slots, stage.blocks, exits.get(stage.name))
        if self.final.expand:
            yield BackbonePart(EXPAND, (EXPAND,), self.final.blocks(), is_stage=False)

    def drawing(self) -> Drawing:
        """Return what the page draws and the terminal says."""
        rows: list[Row] = []
        features = image(1, self.resolution)
        for part in self.parts():
            boxes, features = boxes_of(part.blocks, features)
            drawn = None
            if part.exit is not None:
                modules, _ = boxes_of(part.exit.modules, features)
                drawn = DrawnExit(part.name, (*modules, Box("classifier", is_head=True)))
            rows.append(Row(part.name if part.is_stage else "", boxes, drawn))
        stem, hidden = self.stem, self.final.features
        words = f"stem k{stem.kernel} s{stem.stride} w{stem.width}"
        rows[0] = replace(rows[0], boxes=(replace(rows[0].boxes[0], words=words),))
        head = Box(f"classifier, {hidden} hidden" if hidden else "classifier", is_head=True)
        rows[-1] = replace(rows[-1], exit=DrawnExit(FINAL, (head,)))
        return Drawing(size_of(self.resolution), tuple(rows))

    def without_exits(self) -> StagedArchitecture:
        """Return the same network without early exits."""
        return replace(self, exits=())

    def given(self, task: Task) -> GivenNetwork | None:
        """Return None: it is made of blocks."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dictionaries and scalars, fit for JSON and YAML."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self, dict_factory=_described)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> StagedArchitecture:
        """Return the architecture that ``to_dict`` described.

        Raises:
            KeyError, TypeError, ValueError: The description is incomplete or has unknown fields.
        """
        return cls(
            resolution=canonical_size(plain["resolution"]),
            stem=StemSpec(**plain["stem"]),
            stages=tuple(StageSpec(stage["name"], blocks_of(stage["blocks"])) for stage in plain["stages"]),
            exits=tuple(ExitSpec(exit_["after"], blocks_of(exit_["modules"])) for exit_ in plain["exits"]),
            final=FinalSpec(**plain["final"]),
            normalisation=parsed_normalisation(plain.get("normalisation")),
        )


def parsed_normalisation(plain: Mapping[str, Any] | None) -> Normalisation | None:
    """Return the normalisation that a file describes."""
    if plain is None:
        return None
    return Normalisation(**{name: tuple(map(float, values)) for name, values in plain.items()})


def _described(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = {name: value._asdict() if isinstance(value, Normalisation) else value for name, value in fields}
    return {name: value for name, value in plain.items() if TRACELESS.get(name, MISSING) != value}


def blocks_of(plain: list[dict[str, Any]]) -> tuple[BlockSpec, ...]:
    """Return blocks that a file describes."""
    # a YAML file may say 3 where the space says 3.0: the key must not depend on it
    return tuple(BlockSpec(**{**block, "expansion": float(block.get("expansion", 1))}) for block in plain)


def chain(blocks: tuple[BlockSpec, ...], features: TensorSpec) -> tuple[list[Layer], TensorSpec]:
    """Return blocks one behind the other as layers, and the shape behind them."""
    layers = []
    for block in blocks:
        layers.append(Layer(block, features))
        features = layers[-1].output
    return layers, features


def boxes_of(blocks: tuple[BlockSpec, ...], features: TensorSpec) -> tuple[tuple[Box, ...], TensorSpec]:
    """Return what is drawn of blocks one behind the other, and the shape behind them."""
    layers, reached = chain(blocks, features)
    boxes = [Box(_words(layer.spec), layer.output.channels, layer.output.size) for layer in layers]
    return tuple(boxes), reached


def _words(block: BlockSpec) -> str:
    """Return a block in words: ``mbconv k5 w40 s2 e4 se``."""
    parts = [block.type, f"k{block.kernel}"]
    parts += [f"w{block.width}"] if "width" in block_named(block.type).reads else []
    parts += [f"s{block.stride}"] if block.stride != 1 else []
    parts += [f"e{block.expansion:g}"] if block.expansion != 1 else []
    parts += ["se"] if block.se else []
    parts += [block.pool] if block.pool != "none" else []
    return " ".join(parts)
