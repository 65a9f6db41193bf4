"""A block from outside whose code was not loaded: enough to show what a run holds.  Must not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.blocks.block import Block, LayerShape
from aebnas.extensions.consent import require_consent

if TYPE_CHECKING:
    from torch import nn


class UnreadBlock(Block):
    """Stands for a block: its genes are those that its layers show, its sizes those of a convolution."""

    reads = Block.reads | {"expansion"}
    is_unread = True

    def __init__(self, name: str) -> None:
        """Stand for the block of that name, ``package.module:Name``."""
        self.outside_name = name

    def build(self, layer: LayerShape) -> nn.Module:
        """Refuse.

        Raises:
            CodeRefusedError: Always: the code was not allowed.
        """
        require_consent(self.outside_name)
        raise RuntimeError(f"{self.outside_name} was asked for before its code was allowed")
