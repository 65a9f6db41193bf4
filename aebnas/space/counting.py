"""How many distinct architectures a space holds.

Exact: strides are fixed, so the size at every exit follows from the resolution
alone, and the number of architectures is a sum over resolutions and widths of
products over stages and exits.  Must not import torch.
"""

from __future__ import annotations

import itertools
from functools import cache

from aebnas.config.space_schema import ExitsSpaceConfig, StageConfig
from aebnas.space.architecture import BlockSpec
from aebnas.space.canonical import canonical_block, canonical_module
from aebnas.space.genes import BLOCK_FIELDS, MODULE_FIELDS
from aebnas.space.layer import output_size
from aebnas.space.search_space import SearchSpace


def distinct_architectures(space: SearchSpace) -> int:
    """Return the exact number of distinct architectures (trade-offs not counted)."""
    config = space.config
    total = 0
    for resolution in space.positions["resolution"].choices:
        size = -(-resolution // config.stem.stride)
        product = len(config.stem.width)
        for name, stage in zip(config.stage_names(), config.stages, strict=True):
            size = -(-size // stage.stride)
            exits = config.exits if name in config.exits.after else None
            product *= sum(_stage(stage) * _exit(exits, width, size) for width in stage.width)
        total += product
    return total


def _stage(stage: StageConfig) -> int:
    """Return the number of distinct stages of one width."""
    values = itertools.product(*(getattr(stage.block, field) for field in BLOCK_FIELDS))
    variants = {canonical_block(dict(zip(BLOCK_FIELDS, v, strict=True)), 1, 1, "relu") for v in values}
    return sum(len(variants) ** depth for depth in stage.depth)


def _exit(exits: ExitsSpaceConfig | None, width: int, size: int) -> int:
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
    def variants(pixels: int) -> dict[int, int]:
        """Return the number of distinct modules by their output size."""
        before: list[BlockSpec] = []
        found = {canonical_module(v, width, pixels, "relu", before) for v in values} - {None}
        sizes = [output_size(module, pixels) for module in found if module is not None]
        return {out: sizes.count(out) for out in set(sizes)}

    @cache
    def chains(length: int, pixels: int) -> dict[int, int]:
        """Return the number of distinct chains by their output size."""
        if length == 0:
            return {pixels: 1}
        total: dict[int, int] = {}
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
            branches += ends.get(1, 0)
    return branches + (1 if exits.optional else 0)
