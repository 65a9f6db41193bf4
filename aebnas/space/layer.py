"""Segments: a network's layers between two exits, listed without building anything.

The network is built from that list, and every cost is a sum over it.  Must not
import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.space.architecture import Architecture


@dataclass(frozen=True)
class Segment:
    """What runs between two exits: backbone layers, then the exit's own layers."""

    backbone: tuple[Layer, ...]
    exit: tuple[Layer, ...]
    """Exit modules and their classifier."""

    def layers(self) -> Iterator[Layer]:
        """Yield every layer in the order in which it runs."""
        yield from self.backbone
        yield from self.exit


def segments(architecture: Architecture, in_channels: int, classes: int) -> tuple[Segment, ...]:
    """Return the network's segments: one per exit, the last ends in the final classifier."""
    exits = {exit_.after: exit_.modules for exit_ in architecture.exits}
    stem, final = architecture.stem, architecture.final
    stem_block = BlockSpec("conv", stem.kernel, stem.width, stem.stride, activation=stem.activation)
    found: list[Segment] = []
    backbone, features = _chain((stem_block,), image(in_channels, architecture.resolution))
    for stage in architecture.stages:
        layers, features = _chain(stage.blocks, features)
        backbone += layers
        if stage.name in exits:
            branch, reached = _chain(exits[stage.name], features)
            found.append(Segment(tuple(backbone), (*branch, classifier(reached, classes))))
            backbone = []
    if final.expand:
        expand = BlockSpec("conv", 1, final.expand, activation=final.activation)
        layers, features = _chain((expand,), features)
        backbone += layers
    last = classifier(features, classes, final.features, final.activation)
    return (*found, Segment(tuple(backbone), (last,)))


def _chain(blocks: tuple[BlockSpec, ...], features: TensorSpec) -> tuple[list[Layer], TensorSpec]:
    layers = []
    for block in blocks:
        layers.append(Layer(block, features))
        features = layers[-1].output
    return layers, features
