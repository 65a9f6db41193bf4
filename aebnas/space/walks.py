"""Walks over a grammar with *sets* of shapes instead of samples: layers, supernet slots, and how many.

What can stand at a slot and what it hands on follows from the grammar, so that the list
of layers is complete: a profile made from it has every row that a search can ask for.
Strides are fixed, so that the number of architectures is a sum over resolutions of
products over rows.  Must not import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.space.genes import ABSENT
from aebnas.space.grammar import BlockRow, Grammar, Slot, Values
from aebnas.space.names import CLASSIFIER, head_slot
from aebnas.task.task import Task

MANY = 2**40
"""Pixels at which no stride and no pooling comes to an end."""


@dataclass(frozen=True)
class _Step:
    """One layer that can stand at one slot."""

    level: int
    """Number of the slot in its row."""
    rank: int
    """Of the block among those that can stand there."""
    layer: Layer


@dataclass(frozen=True)
class _Walk:
    """A row, from all that may arrive to all that may be behind it."""

    steps: list[_Step]
    reached: list[list[TensorSpec]]
    """Behind so many slots."""

    def behind(self, row: BlockRow) -> Iterator[TensorSpec]:
        """Yield what may be behind the row."""
        for length in row.lengths:
            yield from self.reached[length]


def _walk(row: BlockRow, shared: Values, arriving: Iterable[TensorSpec]) -> _Walk:
    """Walk a row; what arrives at an exit decides its widths, so that there it is one shape."""
    steps, reached = [], [list(dict.fromkeys(arriving))]
    entry = reached[0][0]
    for level, slot in enumerate(row.slots):
        ahead: dict[TensorSpec, None] = {}
        for features in reached[-1]:
            for rank, spec in enumerate(slot.specs(shared, entry, features)):
                if spec is None:
                    ahead[features] = None
                    continue
                layer = Layer(spec, features)
                steps.append(_Step(level, rank, layer))
                ahead[layer.output] = None
        reached.append(list(ahead))
    return _Walk(steps, reached)


# ---------------------------------------------------------------- layers
def all_layers(grammar: Grammar, task: Task) -> tuple[Layer, ...]:
    """Return every layer that some architecture contains, each once, in a fixed order."""
    layers: dict[Layer, None] = {}
    arriving = grammar.arrivals(task.samples.channels)
    for row in grammar.rows:
        behind: dict[TensorSpec, None] = {}
        for shared in row.variants():
            walk = _walk(row, shared, arriving)
            layers.update(dict.fromkeys(step.layer for step in walk.steps))
            behind.update(dict.fromkeys(walk.behind(row)))
        arriving = list(behind)
        if row.exit is not None:
            for features in arriving:
                layers.update(dict.fromkeys(exit_layers(row.exit, features, task)))
    last = (classifier(shape, task.classes, grammar.hidden, grammar.activation) for shape in arriving)
    layers.update(dict.fromkeys(last))
    return tuple(layers)


def exit_layers(row: BlockRow, features: TensorSpec, task: Task) -> Iterator[Layer]:
    """Yield every layer that a branch behind some features can contain, classifiers too; some come twice."""
    walk = _walk(row, {}, [features])
    yield from (step.layer for step in walk.steps)
    yield from (classifier(shape, task.classes) for shape in walk.behind(row))


# ---------------------------------------------------------------- supernet
def all_slots(grammar: Grammar, task: Task) -> Iterator[tuple[str, Layer]]:
    """Yield every slot with layers that cover, in each dimension of each weight, all that can stand there.

    Kernels are the largest, and weights know no size.  But at one pixel exit modules do not stride, and
    so may add a skip: all sizes are walked, and one that no stride comes to the end of.
    First weights are drawn in this order.
    """
    channels = task.samples.channels
    arriving = [image(channels, MANY), *grammar.arrivals(channels)]
    for row in map(_with_largest_kernels, grammar.rows):
        behind: dict[TensorSpec, None] = {}
        for shared in row.variants():
            walk = _walk(row, shared, arriving)
            # type after type, each through the whole row
            for step in sorted(walk.steps, key=lambda step: step.rank):
                yield row.slots[step.level].weights, _weights_of(step.layer)
            behind.update(dict.fromkeys(walk.behind(row)))
        arriving = list(behind)
        if row.exit is not None:
            for width in dict.fromkeys(shape.channels for shape in arriving):
                shapes = [shape for shape in arriving if shape.channels == width]
                yield from _exit_slots(row.name, _with_largest_kernels(row.exit), shapes, task)
    for width in dict.fromkeys(shape.channels for shape in arriving):
        last = TensorSpec(width)
        yield CLASSIFIER, classifier(last, task.classes, grammar.hidden, grammar.activation)


def _exit_slots(
    stage: str, row: BlockRow, arriving: Sequence[TensorSpec], task: Task
) -> Iterator[tuple[str, Layer]]:
    walk = _walk(row, {}, arriving)
    for level, reached in enumerate(walk.reached):
        for width in sorted({shape.channels for shape in reached}):
            yield head_slot(stage), classifier(TensorSpec(width), task.classes)
        steps = [step for step in walk.steps if step.level == level]
        for step in sorted(steps, key=lambda step: (step.layer.in_channels, -min(step.layer.input.size))):
            yield row.slots[level].weights, _weights_of(step.layer)


def _weights_of(layer: Layer) -> Layer:
    """Return a layer without what its weights do not depend on."""
    return Layer(replace(layer.spec, pool="none"), TensorSpec(layer.in_channels))


def _with_largest_kernels(row: BlockRow) -> BlockRow:
    return replace(row, slots=tuple(map(_with_largest_kernel, row.slots)))


def _with_largest_kernel(slot: Slot) -> Slot:
    kernels = slot.choices.get("kernel")
    return slot if kernels is None else replace(slot, choices={**slot.choices, "kernel": (max(kernels),)})


# ---------------------------------------------------------------- number
def count_architectures(grammar: Grammar) -> int:
    """Return the exact number of distinct architectures."""
    ways: Counter[TensorSpec] = Counter(grammar.arrivals(1))
    for row in grammar.rows:
        behind: Counter[TensorSpec] = Counter()
        for entry, number in ways.items():
            for shared in row.variants():
                for shape, chains in _chains(row, shared, entry).items():
                    behind[shape] += number * chains
        if row.exit is not None:
            for shape in behind:
                behind[shape] *= count_branches(row.exit, shape) + (ABSENT in row.exit.counts)
        ways = behind
    return sum(ways.values())


def count_branches(row: BlockRow, features: TensorSpec) -> int:
    """Return the exact number of distinct branches that can stand behind some features."""
    return sum(_chains(row, {}, features).values())


def _chains(row: BlockRow, shared: dict[str, Any], entry: TensorSpec) -> Counter[TensorSpec]:
    """Return how many distinct chains of blocks a row allows, by what is behind them."""
    counts: Counter[TensorSpec] = Counter()
    reached = Counter({entry: 1})
    for length in range(len(row.slots) + 1):
        slot = row.slots[length] if length < len(row.slots) else None
        outputs = {shape: slot.outputs(shared, entry, shape) if slot else Counter() for shape in reached}
        if length in row.counts:
            counts += reached
        elif any(count > length for count in row.counts):
            # a longer row whose last blocks do nothing and were dropped
            counts += Counter({shape: number for shape, number in reached.items() if None in outputs[shape]})
        ahead: Counter[TensorSpec] = Counter()
        for shape, number in reached.items():
            for behind, blocks in outputs[shape].items():
                if behind is not None:
                    ahead[behind] += number * blocks
        reached = ahead
    return counts
