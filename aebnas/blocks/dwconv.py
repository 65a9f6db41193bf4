"""A depthwise separable convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import Alignment, Block, LayerShape
from aebnas.blocks.names import gate_names

if TYPE_CHECKING:
    from torch import nn


class DepthwiseConv(Block):
    """One kernel per channel, then a 1x1 convolution (arXiv 1704.04861)."""

    name = "dwconv"
    is_depthwise = True
    aligned: ClassVar = {"depthwise.conv": Alignment.EACH, "pointwise.conv": Alignment.THROUGH}

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        from aebnas.blocks.parts import conv_norm, gate, pooling

        spec, width = layer.spec, layer.in_channels
        depthwise = conv_norm(spec, width, width, spec.kernel, spec.stride, width, activated=True)
        pointwise = conv_norm(spec, width, spec.width, 1, activated=True)
        return nn.Sequential(*depthwise, *gate(layer, width), *pointwise, *pooling(layer))

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        return ["depthwise.conv", "depthwise.norm", *gate_names(layer), "pointwise.conv", "pointwise.norm"]
