"""Canonical blocks and modules: what is left once inactive genes are gone.

Which genes act is what blocks read (``Block.reads``).  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.table import BLOCKS
from aebnas.blocks.tensor_spec import TensorSpec


def canonical_module(
    values: Mapping[str, Any], position_width: int, features: TensorSpec, activation: str
) -> BlockSpec | None:
    """Return an exit module without its inactive genes, or None where it would do nothing.

    Args:
        values: One value for each of ``MODULE_FIELDS``.
        position_width: Channels at the exit position, which widths are multiples of.
        features: What the module gets.
        activation: The branch's activation.
    """
    block = BLOCKS[values["type"]]
    if block.is_idle_at_one_pixel and features.is_one_pixel:
        return None
    stride = values["stride"] if "stride" in block.reads else block.fixed_stride
    stride = 1 if features.is_one_pixel else stride
    pools = "pool" in block.reads and features.strided(stride).can_halve
    return BlockSpec(
        type=block.name,
        kernel=values["kernel"],
        width=branch_width(position_width, values["width"]) if "width" in block.reads else features.channels,
        stride=stride,
        expansion=float(values["expansion"]) if "expansion" in block.reads else 1.0,
        se="se" in block.reads and values["se"],
        activation=activation if block.has_activation else "relu",
        pool=values["pool"] if pools else "none",
    )


def branch_width(channels: int, multiplier: float) -> int:
    """Return the channels of an exit module: the nearest multiple of 4, at least 4."""
    return max(4, int(channels * multiplier / 4 + 0.5) * 4)


def canonical_block(values: Mapping[str, Any], width: int, stride: int, activation: str) -> BlockSpec:
    """Return a backbone block without its inactive genes."""
    block = BLOCKS[values["type"]]
    return BlockSpec(
        type=block.name,
        kernel=values["kernel"],
        width=width,
        stride=stride,
        expansion=float(values["expansion"]) if "expansion" in block.reads else 1.0,
        se="se" in block.reads and values["se"],
        activation=activation if block.has_activation else "relu",
    )
