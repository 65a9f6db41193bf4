"""How many distinct architectures a space holds.

Exact: strides are fixed, so the size at every exit follows from the resolution
alone, and the number of architectures is a sum over resolutions and widths of
products over stages and exits.  Must not import torch.
"""

from __future__ import annotations

import itertools
from functools import cache

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.config.space_schema import ExitsSpaceConfig, StageConfig
from aebnas.space.canonical import canonical_block, canonical_module
from aebnas.space.genes import BLOCK_FIELDS, MODULE_FIELDS
from aebnas.space.search_space import SearchSpace


def distinct_architectures(space: SearchSpace) -> int:
    """Return the exact number of distinct architectures (trade-offs not counted)."""
    config = space.config
    total = 0
    for resolution in space.positions["resolution"].choices:
        size = image(1, resolution).strided(config.stem.stride)
        product = len(config.stem.width)
        for name, stage in zip(config.stage_names(), config.stages, strict=True):
            size = size.strided(stage.stride)
            exits = config.exits if name in config.exits.after else None
            product *= sum(_stage(stage) * _exit(exits, width, size) for width in stage.width)
        total += product
    return total


def _stage(stage: StageConfig) -> int:
    """Return the number of distinct stages of one width."""
    values = itertools.product(*(getattr(stage.block, field) for field in BLOCK_FIELDS))
    variants = {canonical_block(dict(zip(BLOCK_FIELDS, v, strict=True)), 1, 1, "relu") for v in values}
    return sum(len(variants) ** depth for depth in stage.depth)


def _exit(exits: ExitsSpaceConfig | None, width: int, size: TensorSpec) -> int:
    """Return the number of distinct branches at one position, absence included."""
    if exits is None:
        return 1
    counts = exits.branch.modules
    values = [
        dict(zip(MODULE_FIELDS, v, strict=True))
        for v in itertools.product(*(getattr(exits.branch.module, field) for field in MODULE_FIELDS))
    ]
    has_pool = "pool" in exits.branch.module.type

    @cache
    def variants(pixels: TensorSpec) -> dict[TensorSpec, int]:
        """Return the number of distinct modules by their output size."""
        found = {canonical_module(v, width, pixels, "relu") for v in values} - {None}
        sizes = [Layer(module, pixels).output.with_channels(1) for module in found if module is not None]
        return {out: sizes.count(out) for out in set(sizes)}

    @cache
    def chains(length: int, pixels: TensorSpec) -> dict[TensorSpec, int]:
        """Return the number of distinct chains by their output size."""
        if length == 0:
            return {pixels: 1}
        total: dict[TensorSpec, int] = {}
        for out, n in variants(pixels).items():
            for end, m in chains(length - 1, out).items():
                total[end] = total.get(end, 0) + n * m
        return total

    branches = 0
    for length in range(max(counts) + 1):
        ends = chains(length, size)
        if length in counts:
            branches += sum(ends.values())
        elif has_pool and any(n > length for n in counts):
            # a longer branch whose last poolings fell on 1x1 pixels and were dropped
            branches += sum(ways for end, ways in ends.items() if end.is_one_pixel)
    return branches + (1 if exits.optional else 0)
