"""All blocks by the name that configuration files use.  Must not import torch."""

from __future__ import annotations

from aebnas.blocks.block import Block
from aebnas.blocks.classifier import Classifier
from aebnas.blocks.conv import Conv
from aebnas.blocks.dwconv import DepthwiseConv
from aebnas.blocks.fused import Fused
from aebnas.blocks.mbconv import MBConv
from aebnas.blocks.pool import Pool
from aebnas.blocks.residual import Residual

BLOCKS: dict[str, Block] = {
    block.name: block
    for block in (Conv(), DepthwiseConv(), Residual(), Fused(), MBConv(), Pool(), Classifier())
}


def stage_blocks() -> tuple[str, ...]:
    """Return the names of what can stand in a stage."""
    return tuple(name for name, block in BLOCKS.items() if block.in_stages)


def exit_modules() -> tuple[str, ...]:
    """Return the names of what can stand in an exit branch."""
    return tuple(name for name, block in BLOCKS.items() if block.in_exits)
