"""The stage grammar, written once: a tree of choices from which everything about a staged space follows.

A network is a row for its stem, one for each stage, perhaps one for a last convolution;
behind stages may stand exits, which are rows too.  A row is a number of slots; a slot is
one place for a block, with the choices of its genes.  Which genes act is what the chosen
block reads (``Block.reads``): the same rule decides what an architecture says and which
genes its encoding names.  Must not import torch.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aebnas.blocks.block import NORM_EPS, Block, BlockSpec, acting_padding
from aebnas.blocks.layer import Layer
from aebnas.blocks.table import block_named
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.space.genes import ABSENT, Gene
from aebnas.task.input_size import Size, size_of

SHAPING = frozenset({"width", "stride", "pool"})
"""Genes that decide the shape behind a block."""
Values = Mapping[str, Any]
"""One choice of each gene of a slot, by the gene's last name."""
Read = Callable[[str], Any]
"""Returns what a genome chooses for the gene of a name."""
Put = Callable[[str, tuple[Any, ...], Any], None]
"""Told a gene's name, what its choices come to at this place, and which of those an architecture has."""


@dataclass(frozen=True, eq=False)
class Slot:
    """One place for a block."""

    name: str
    """What its genes are called: ``stage1.block2``."""
    weights: str
    """Where a supernet keeps its weights."""
    choices: Mapping[str, tuple[Any, ...]]
    """Of each gene, in order; what has one choice is fixed."""
    fixed: Mapping[str, Any]
    """What is no gene of the slot."""
    is_in_exit: bool = False
    """Widths are multiples of the channels at the exit; stride and pooling end at one pixel."""

    def read(self, read: Read) -> dict[str, Any]:
        """Return what a genome chooses."""
        return {**self.fixed, **{field: read(f"{self.name}.{field}") for field in self.choices}}

    def describe(self, values: Values, entry: TensorSpec, features: TensorSpec) -> BlockSpec | None:
        """Return the block of some choices, or None where it would do nothing.

        Args:
            values: One choice of each gene, those of the row among them.
            entry: What the row gets.
            features: What the slot gets.
        """
        block = block_named(values["type"])
        if self.is_in_exit and block.is_idle_at_one_pixel and features.is_one_pixel:
            return None
        stride = values["stride"] if "stride" in block.reads else block.fixed_stride
        if self.is_in_exit and features.is_one_pixel:
            stride = 1
        acting = self._acting(block, features, stride)
        width = self._width(values["width"], entry) if "width" in acting else features.channels
        return BlockSpec(
            type=values["type"],
            kernel=values["kernel"] if "kernel" in acting else 1,
            width=width,
            stride=stride,
            expansion=float(values["expansion"]) if "expansion" in acting else 1.0,
            se=bool(values["se"]) if "se" in acting else False,
            activation=values["activation"] if block.has_activation else "relu",
            pool=values["pool"] if "pool" in acting else "none",
            **self._conventions(block, values, stride),
        )

    def specs(self, shared: Values, entry: TensorSpec, features: TensorSpec) -> list[BlockSpec | None]:
        """Return every distinct block that can stand here, in the order of the choices."""
        specs: dict[BlockSpec | None, None] = {}
        for type_ in self.choices.get("type", (self.fixed.get("type"),)):
            reads = block_named(type_).reads | {"type"}
            # one choice of a gene that is not read stands for all
            choices = {f: c if f in reads else c[:1] for f, c in self.choices.items()} | {"type": (type_,)}
            for values in combinations(choices):
                specs[self.describe({**self.fixed, **shared, **values}, entry, features)] = None
        return list(specs)

    def outputs(self, shared: Values, entry: TensorSpec, features: TensorSpec) -> Counter[TensorSpec | None]:
        """Return how many distinct blocks can stand here, by what is behind them; None: they do nothing."""
        counts: Counter[TensorSpec | None] = Counter()
        for type_ in self.choices.get("type", (self.fixed.get("type"),)):
            reads = block_named(type_).reads
            # genes that change no shape multiply
            free = [c for f, c in self.choices.items() if f in reads - SHAPING]
            shaping = {f: c if f in reads & SHAPING else c[:1] for f, c in self.choices.items()}
            specs = {
                self.describe({**self.fixed, **shared, **values}, entry, features)
                for values in combinations(shaping | ({"type": (type_,)} if "type" in self.choices else {}))
            }
            for spec in specs:
                behind = None if spec is None else Layer(spec, features).output
                counts[behind] += math.prod(map(len, free))
        return counts

    def encode(self, spec: BlockSpec, entry: TensorSpec, features: TensorSpec, put: Put) -> None:
        """Name the genes that act in a block, with their choices."""
        if "type" in self.choices:
            put(f"{self.name}.type", self.choices["type"], spec.type)
        block = block_named(spec.type)
        acting = self._acting(block, features, spec.stride)
        for field, choices in self.choices.items():
            if field in acting:
                come_to = tuple(self._width(c, entry) for c in choices) if field == "width" else choices
                value = getattr(spec, field)
                if not block.is_unread or value in come_to:  # a gene that it does not read left its default
                    put(f"{self.name}.{field}", come_to, value)

    def _acting(self, block: Block, features: TensorSpec, stride: int) -> frozenset[str]:
        """Return the genes of a slot that change the block."""
        idle = set()
        if self.is_in_exit and features.is_one_pixel:
            idle.add("stride")
        if not features.strided(stride).can_halve:
            idle.add("pool")
        return block.reads - idle

    def _conventions(self, block: Block, values: Values, stride: int) -> dict[str, Any]:
        """Return how the block pads and normalises, where it does."""
        if not block.has_norm:
            return {}
        # a block that reads no kernel may have one larger than 1
        kernel = values["kernel"] if "kernel" in block.reads else 0
        padding = acting_padding(values["padding"], kernel, stride)
        return {"padding": padding, "norm_eps": values["norm_eps"]}

    def _width(self, choice: Any, entry: TensorSpec) -> int:
        return branch_width(entry.channels, choice) if self.is_in_exit else int(choice)


def branch_width(channels: int, multiplier: float) -> int:
    """Return the channels of an exit module: the nearest multiple of 4, at least 4."""
    return max(4, int(channels * multiplier / 4 + 0.5) * 4)


@dataclass(frozen=True, eq=False)
class BlockRow:
    """Blocks one behind the other: a choice for all of them, how many, and a slot for each."""

    name: str
    """What its genes are called: ``stage1``, ``exit.stage1``."""
    slots: tuple[Slot, ...]
    shared: Mapping[str, tuple[Any, ...]]
    """Choices of the genes that hold for all slots."""
    group: str
    """The unit of stage-wise crossover that its genes belong to."""
    count_name: str = ""
    """Of the gene that says how many slots are used; empty: all are."""
    counts: tuple[int, ...] = (1,)
    """Its choices; ``ABSENT`` means that the row is not there."""
    exit: BlockRow | None = None
    """The exit that may stand behind the row."""

    def genes(self) -> Iterator[Gene]:
        """Yield the positions of the row, those with a single choice included."""
        for field, choices in self.shared.items():
            yield Gene(f"{self.name}.{field}", choices, self.group)
        if self.count_name:
            yield Gene(f"{self.name}.{self.count_name}", self.counts, self.group)
        for slot in self.slots:
            for field, choices in slot.choices.items():
                yield Gene(f"{slot.name}.{field}", choices, self.group)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Return how many slots may be used."""
        return tuple(count for count in self.counts if count != ABSENT)

    def decode(self, read: Read, entry: TensorSpec) -> tuple[tuple[BlockSpec, ...] | None, TensorSpec]:
        """Return the blocks that a genome chooses and the features behind them; None: the row is absent."""
        count = read(f"{self.name}.{self.count_name}") if self.count_name else len(self.slots)
        if count == ABSENT:
            return None, entry
        shared = {field: read(f"{self.name}.{field}") for field in self.shared}
        blocks, features = [], entry
        for slot in self.slots[:count]:
            spec = slot.describe({**shared, **slot.read(read)}, entry, features)
            if spec is not None:
                blocks.append(spec)
                features = Layer(spec, features).output
        return tuple(blocks), features

    def encode(self, blocks: tuple[BlockSpec, ...] | None, entry: TensorSpec, put: Put) -> TensorSpec:
        """Name the genes that act in the blocks, with their choices; return the features behind them."""
        if blocks is None:
            put(f"{self.name}.{self.count_name}", self.counts, ABSENT)
            return entry
        for field, choices in self.shared.items():
            put(f"{self.name}.{field}", choices, getattr(blocks[0], field))
        count, idle = len(blocks), self._idle_type()
        if idle is not None:  # what does nothing at one pixel was left out: it fills up a fixed number again
            count = min((length for length in self.lengths if length >= count), default=count)
        if self.count_name:
            put(f"{self.name}.{self.count_name}", self.counts, count)
        features = entry
        for slot, spec in zip(self.slots, blocks, strict=False):
            slot.encode(spec, entry, features, put)
            features = Layer(spec, features).output
        for slot in self.slots[len(blocks) : count]:
            put(f"{slot.name}.type", slot.choices["type"], idle)
        return features

    def variants(self) -> Iterator[dict[str, Any]]:
        """Yield every choice of what all slots share."""
        return combinations(self.shared)

    def _idle_type(self) -> str | None:
        types = self.slots[0].choices.get("type", ()) if self.slots else ()
        return next((type_ for type_ in types if block_named(type_).is_idle_at_one_pixel), None)


@dataclass(frozen=True, eq=False)
class Grammar:
    """A whole space."""

    resolutions: tuple[Size, ...]
    """Choices of the gene ``resolution``."""
    rows: tuple[BlockRow, ...]
    """The stem, the stages, perhaps a last convolution."""
    hidden: int
    """Channels of the last classifier's hidden layer; 0: none."""
    activation: str
    """Of what stands before the last classifier."""
    norm_eps: float = NORM_EPS
    """Likewise."""

    def genes(self) -> Iterator[Gene]:
        """Yield every position of the backbone, then those of the exits."""
        yield Gene("resolution", self.resolutions, "input")
        for row in self.rows:
            yield from row.genes()
        for row in self.rows:
            if row.exit is not None:
                yield from row.exit.genes()

    def arrivals(self, channels: int) -> list[TensorSpec]:
        """Return what may come in."""
        return [image(channels, size_of(resolution)) for resolution in self.resolutions]


def combinations(choices: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Yield every combination of one choice each, by name."""
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))
