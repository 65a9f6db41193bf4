"""Places: where a layer stands in a network, whatever it is there.

A place is one block of a stage, the modules of an exit, or a classifier.  Layers of
one type that can stand at one place share weights, whatever their width, kernel or
expansion.  All modules of an exit are one place, and its classifier is one, whatever
stands before it: branches are many and trainings short, so that weights of their own
for the k-th module, for a size or for what stands before learned less, measured on
mnist5k.  Must not import torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.config.space_schema import ExitsSpaceConfig, ModuleConfig, StageConfig
from aebnas.space.architecture import Architecture
from aebnas.space.canonical import canonical_block, canonical_module
from aebnas.space.genes import BLOCK_FIELDS, MODULE_FIELDS
from aebnas.space.search_space import SearchSpace

STEM = "stem"
EXPAND = "final.expand"
CLASSIFIER = "final.classifier"
ANY_SIZE, ONE_PIXEL = (1024, 1024), (1, 1)
"""Pixels of listed layers: weights do not depend on them, and nothing is dropped at so many."""


def places(architecture: Architecture) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return the places of the layers of ``segments(architecture, ...)``: of its backbone, of its exit."""
    branches = {exit_.after: exit_.modules for exit_ in architecture.exits}
    found, backbone = [], [STEM]
    for stage in architecture.stages:
        backbone += [_block(stage.name, i) for i in range(len(stage.blocks))]
        if stage.name in branches:
            modules = branches[stage.name]
            branch = (*[_module(stage.name)] * len(modules), _head(stage.name))
            found.append((tuple(backbone), branch))
            backbone = []
    if architecture.final.expand:
        backbone.append(EXPAND)
    return (*found, (tuple(backbone), (CLASSIFIER,)))


def placed_layers(space: SearchSpace, in_channels: int, classes: int) -> Iterator[tuple[str, Layer]]:
    """Yield every place with layers that cover, in each dimension of each weight, all that can stand there.

    Kernels are the largest, input sizes are ``ANY_SIZE``; exit modules are listed once more for one pixel
    where they may get there: they do not stride then, and so may add a skip.

    Args:
        space: The space.
        in_channels: Channels of the images.
        classes: Number of classes.
    """
    config = space.config
    stem, final = config.stem, config.final
    for width in stem.width:
        block = BlockSpec("conv", stem.kernel, width, stem.stride, activation=stem.activation)
        yield STEM, Layer(block, TensorSpec(in_channels, ANY_SIZE))
    widths: Sequence[int] = stem.width
    pixels = -(-min(space.positions["resolution"].choices) // stem.stride)
    for name, stage in zip(config.stage_names(), config.stages, strict=True):
        yield from _stage(name, stage, widths)
        widths, pixels = stage.width, -(-pixels // stage.stride)
        if name in config.exits.after:
            for width in widths:
                yield from _branch(name, config.exits, width, pixels, classes)
    for width in widths:
        if final.expand:
            block = BlockSpec("conv", 1, final.expand, activation=final.activation)
            yield EXPAND, Layer(block, TensorSpec(width, ANY_SIZE))
        last = final.expand or width
        yield CLASSIFIER, classifier(TensorSpec(last, ANY_SIZE), classes, final.features, final.activation)


def _stage(name: str, stage: StageConfig, widths: Iterable[int]) -> Iterator[tuple[str, Layer]]:
    values = [v for v in _values(stage.block, BLOCK_FIELDS) if v["kernel"] == max(stage.block.kernel)]
    for width, v in itertools.product(stage.width, values):
        first = canonical_block(v, width, stage.stride, stage.activation)
        yield from ((_block(name, 0), Layer(first, TensorSpec(channels, ANY_SIZE))) for channels in widths)
        later = canonical_block(v, width, 1, stage.activation)
        yield from (
            (_block(name, i), Layer(later, TensorSpec(width, ANY_SIZE))) for i in range(1, max(stage.depth))
        )


def _branch(
    name: str, exits: ExitsSpaceConfig, position_width: int, pixels: int, classes: int
) -> Iterator[tuple[str, Layer]]:
    module = exits.branch.module
    values = [
        v
        for v in _values(module, MODULE_FIELDS)
        if v["kernel"] == max(module.kernel) and v["pool"] == module.pool[0]
    ]
    # channels in front of the next module or the classifier; a dropped pooling leaves a shorter branch
    reached = {position_width}
    for count in range(max(exits.branch.modules) + 1):
        yield from (
            (_head(name), classifier(TensorSpec(channels, ANY_SIZE), classes)) for channels in sorted(reached)
        )
        if count == max(exits.branch.modules):
            return
        sizes = (ANY_SIZE, ONE_PIXEL) if pixels == 1 and 1 not in module.stride else (ANY_SIZE,)
        ahead = set()
        for channels in sorted(reached):
            for size, v in itertools.product(sizes, values):
                features = TensorSpec(channels, size)
                found = canonical_module(v, position_width, features, exits.branch.activation)
                if found is not None:
                    yield _module(name), Layer(found, TensorSpec(channels, ANY_SIZE))
                    ahead.add(found.width)
        reached, pixels = ahead, _fewest_pixels(module, pixels)


def _fewest_pixels(module: ModuleConfig, pixels: int) -> int:
    """Return how few pixels may be left behind a module."""
    strided = -(-pixels // max(module.stride))
    pooled = strided // 2 if strided > 1 and set(module.pool) != {"none"} else strided
    return min(pooled, -(-pixels // 2)) if "pool" in module.type else pooled


def _values(config: object, fields: Sequence[str]) -> list[dict[str, Any]]:
    choices = [getattr(config, field) for field in fields]
    return [dict(zip(fields, v, strict=True)) for v in itertools.product(*choices)]


def _block(stage: str, index: int) -> str:
    return f"{stage}.block{index + 1}"


def _module(stage: str) -> str:
    return f"exit.{stage}.module"


def _head(stage: str) -> str:
    return f"exit.{stage}.classifier"
