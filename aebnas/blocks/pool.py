"""An average pooling as an exit module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.blocks.block import Block, LayerShape

if TYPE_CHECKING:
    from torch import nn


class Pool(Block):
    """Average pooling with stride 2, over pixels that exist; no weights."""

    name = "pool"
    in_stages = False
    reads = frozenset({"kernel"})
    fixed_stride = 2
    has_activation = False
    has_norm = False
    is_idle_at_one_pixel = True

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        kernel = layer.spec.kernel
        return nn.AvgPool2d(kernel, layer.spec.stride, kernel // 2, count_include_pad=False)

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return nothing: it has no weights."""
        return []
