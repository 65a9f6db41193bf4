"""Every distinct layer that a search space can produce.

Layers are found by walking the space's positions with *sets* of input shapes
instead of sampling architectures, so that the list is complete: a profile made
from it has every row that a search can ask for.  Must not import torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.config.space_schema import ExitsSpaceConfig, StageConfig
from aebnas.space.canonical import canonical_block, canonical_module
from aebnas.space.genes import BLOCK_FIELDS, MODULE_FIELDS
from aebnas.space.search_space import SearchSpace


def distinct_layers(space: SearchSpace, in_channels: int, classes: int) -> tuple[Layer, ...]:
    """Return every layer that some architecture of the space contains, each once, in a fixed order.

    Args:
        space: The space.
        in_channels: Channels of the images.
        classes: Number of classes.
    """
    config, found = space.config, dict[Layer, None]()
    stem = config.stem
    shapes: set[TensorSpec] = set()
    for resolution, width in itertools.product(space.positions["resolution"].choices, stem.width):
        block = BlockSpec("conv", stem.kernel, width, stem.stride, activation=stem.activation)
        layer = Layer(block, image(in_channels, resolution))
        found[layer] = None
        shapes.add(layer.output)
    for name, stage in zip(config.stage_names(), config.stages, strict=True):
        layers = tuple(_stage(stage, shapes))
        found.update(dict.fromkeys(layers))
        shapes = {layer.output for layer in layers}
        if name in config.exits.after:
            found.update(dict.fromkeys(_branches(config.exits, shapes, classes)))
    found.update(dict.fromkeys(_final(space, shapes, classes)))
    return tuple(found)


def _stage(stage: StageConfig, shapes: Iterable[TensorSpec]) -> Iterator[Layer]:
    """Yield the stage's layers; the shapes behind the last block are those behind any block."""
    values = [
        dict(zip(BLOCK_FIELDS, v, strict=True))
        for v in itertools.product(*(getattr(stage.block, field) for field in BLOCK_FIELDS))
    ]
    deeper = max(stage.depth) > 1
    for width in stage.width:
        first = dict.fromkeys(canonical_block(v, width, stage.stride, stage.activation) for v in values)
        later = dict.fromkeys(canonical_block(v, width, 1, stage.activation) for v in values)
        behind = set[TensorSpec]()
        for block, features in itertools.product(first, sorted(shapes)):
            layer = Layer(block, features)
            behind.add(layer.output)
            yield layer
        if deeper:
            yield from (Layer(block, features) for block in later for features in sorted(behind))


def _branches(exits: ExitsSpaceConfig, shapes: Iterable[TensorSpec], classes: int) -> Iterator[Layer]:
    """Yield the modules and classifiers of the exit branches behind features of these shapes."""
    module = exits.branch.module
    values = [
        dict(zip(MODULE_FIELDS, v, strict=True))
        for v in itertools.product(*(getattr(module, field) for field in MODULE_FIELDS))
    ]
    longest = max(exits.branch.modules)
    for features in sorted(shapes):
        reached: set[TensorSpec] = {features}
        for position in range(longest + 1):
            if position in exits.branch.modules:
                yield from (classifier(shape, classes) for shape in sorted(reached))
            if position == longest:
                break
            ahead = set[TensorSpec]()
            for shape in sorted(reached):
                for layer in _modules(values, features.channels, shape, exits.branch.activation):
                    if layer is not None:
                        yield layer
                    # pooling on one pixel is dropped and leaves the shape as it is
                    ahead.add(layer.output if layer else shape)
            reached = ahead


def _modules(
    values: list[dict[str, object]], position_width: int, shape: TensorSpec, activation: str
) -> Iterator[Layer | None]:
    for v in values:
        module = canonical_module(v, position_width, shape, activation)
        yield Layer(module, shape) if module else None


def _final(space: SearchSpace, shapes: Iterable[TensorSpec], classes: int) -> Iterator[Layer]:
    final = space.config.final
    for features in sorted(shapes):
        last = features
        if final.expand:
            layer = Layer(BlockSpec("conv", 1, final.expand, activation=final.activation), features)
            yield layer
            last = layer.output
        yield classifier(last, classes, final.features, final.activation)
