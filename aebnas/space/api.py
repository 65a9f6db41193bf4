"""What the rooms after this one ask of a search space and its architectures.

Spaces differ in what they vary: stages of blocks (``aebnas.space.grammar``), or
whatever another kind of space will vary.  Costs, profiles, networks, supernets,
exports and pages see these protocols and lists of layers.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from aebnas.blocks.layer import Layer
from aebnas.space.drawing import Drawing
from aebnas.space.genes import Gene, Genome
from aebnas.task.input_size import Size
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task

ParameterSlot = tuple[str, Layer]
"""Where a supernet keeps weights, and a layer that uses them; its input has channels and no size."""


Reads = Literal["features", "image"]
"""The features of the segment before, or the image again, as the second network of a cascade does."""


@dataclass(frozen=True)
class Segment:
    """What runs between two exits: backbone layers, then the exit's own layers."""

    backbone: tuple[Layer, ...]
    exit: tuple[Layer, ...]
    """Exit modules and their classifier."""
    name: str = field(default="final", compare=False)
    """What the exit is called."""
    backbone_slots: tuple[str, ...] = field(default=(), compare=False)
    """Where a supernet keeps the weights of each backbone layer."""
    exit_slots: tuple[str, ...] = field(default=(), compare=False)
    """Likewise of the exit's layers."""
    reads: Reads = "features"
    """What it begins with; the first one reads the image in any case."""

    def layers(self) -> Iterator[Layer]:
        """Yield every layer in the order in which it runs."""
        yield from self.backbone
        yield from self.exit


def handed_on(plan: Sequence[Segment]) -> tuple[bool, ...]:
    """Return of which segments the features are read by the one behind."""
    return (*(segment.reads == "features" for segment in plan[1:]), False)


def cut_short(plan: Sequence[Segment], exit_index: int) -> tuple[Segment, ...]:
    """Return the network that ends at an exit and has no earlier heads: one segment, as it is deployed.

    Args:
        plan: The segments of a network with exits.
        exit_index: From 0.
    """
    last = plan[exit_index]
    begin = max(i for i in range(exit_index + 1) if i == 0 or plan[i].reads == "image")
    parts = plan[begin : exit_index + 1]
    backbone = tuple(layer for segment in parts for layer in segment.backbone)
    slots = tuple(slot for segment in parts for slot in segment.backbone_slots)
    return (replace(last, backbone=backbone, backbone_slots=slots, reads="features"),)


@dataclass(frozen=True)
class GivenNetwork:
    """A network that somebody trained, at one resolution, in pieces between the places of exits."""

    name: str
    """What it is called among several; empty: it is the only one."""
    identity: str
    """Of its operations at this resolution, and of all its weights."""
    input: InputSpec
    places: tuple[str, ...]
    """What the place behind each piece is called: wherever the space may have an exit or an end."""
    pieces: tuple[Layer, ...]
    head: tuple[Layer, ...]
    """What follows the last place."""
    keeps_head: bool
    """Whether that is the network's own classifier; else it is new."""


@dataclass(frozen=True)
class CutPlace:
    """A place where a network that a user brought can be cut, at one resolution."""

    network: str
    """What it is called among several; empty: it is the only one."""
    name: str
    resolution: Size
    """Pixels of the input: height = width, or ``(height, width)``."""
    macs: int
    """Until there, for one image."""
    share: float
    """The same as a share of the whole network."""
    features: tuple[int, ...]
    """Shape of the tensor there, for one image."""
    cached_bytes: int
    """What keeping the features of one image takes."""
    may_have_exit: bool
    """Whether the space may have an exit there."""
    may_be_end: bool
    """Whether the network may end there, before its own end."""


class Architecture(Protocol):
    """One early-exit network in canonical form: frozen, hashable, equal where what is trained is equal."""

    @property
    def exit_names(self) -> tuple[str, ...]:
        """Return what its early exits are called, in order; the last classifier is not among them."""

    @property
    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that its backbone is made of, each once."""

    def key(self) -> str:
        """Return the identity of the network: 16 hexadecimal digits."""

    def input(self, task: Task) -> InputSpec:
        """Return what it takes in: the size, and how samples of the task are brought to it."""

    def segments(self, task: Task) -> tuple[Segment, ...]:
        """Return the layers, segment by segment: one per exit, the last ends in the last classifier."""

    def without_exits(self) -> Architecture:
        """Return the same network without early exits."""

    def given(self, task: Task) -> GivenNetwork | None:
        """Return the trained network that its exits stand on; None: it is made of blocks."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dictionaries and scalars, fit for JSON and YAML."""

    def drawing(self) -> Drawing:
        """Return what the page draws and the terminal says."""

    def __hash__(self) -> int:
        """Return a hash that equal architectures share."""


class SearchSpace(Protocol):
    """What can be built, and how genomes say it."""

    @property
    def genes(self) -> tuple[Gene, ...]:
        """Return the positions of a genome."""

    @property
    def positions(self) -> dict[str, Gene]:
        """Return the genes and what is fixed, by name."""

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Return the number of choices of every gene."""

    @property
    def budget_fractions(self) -> tuple[float, ...]:
        """Return the choices of the gene ``budget_fraction``."""

    @property
    def settings(self) -> tuple[str, ...]:
        """Return the choices of the gene ``exit_policy``."""

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the names that early exits may have, in order."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what people should know of it, in sentences."""

    def cut_places(self) -> tuple[CutPlace, ...]:
        """Return where a network that a user brought can be cut; none where a space builds its own."""

    def baselines(self) -> tuple[Genome, ...]:
        """Return networks without exits that every search evaluates first; none: it has no such duty."""

    def sample(self, rng: np.random.Generator) -> Genome:
        """Return a random genome."""

    def decode(self, genome: Genome) -> Architecture:
        """Return the architecture of a genome."""

    def encode(self, architecture: Architecture) -> Genome:
        """Return a genome of an architecture."""

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name."""

    def budget_fraction(self, genome: Genome) -> float:
        """Return the share of its own full cost that the individual may spend."""

    def setting(self, genome: Genome) -> str:
        """Return the setting of the exit policy that the individual uses."""

    def at_point(self, genome: Genome, budget_fraction: float, setting: str = "") -> Genome:
        """Return the genome with other choices of the genes ``budget_fraction`` and ``exit_policy``."""

    def count(self) -> int:
        """Return the exact number of distinct architectures."""

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Return everything that networks of the space may ask to take in, each once."""

    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Return every layer that some architecture contains, each once, in a fixed order."""

    def given_networks(self, task: Task) -> tuple[GivenNetwork, ...]:
        """Return the trained networks that exits may stand on, one for each resolution; mostly none."""

    def slots(self, task: Task) -> Sequence[ParameterSlot]:
        """Return where a supernet keeps weights, with layers that cover all that can stand there."""

    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that backbones may be made of."""
