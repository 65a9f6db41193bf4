"""A fused inverted bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import Alignment, Block, LayerShape
from aebnas.blocks.names import gate_names, hidden_channels, last_norm_name

if TYPE_CHECKING:
    from torch import nn


class Fused(Block):
    """A dense expansion convolution, then a projection (arXiv 2104.00298)."""

    name = "fused"
    reads = Block.reads | {"expansion"}
    aligned: ClassVar = {"expand.conv": Alignment.PAIRS, "project.conv": Alignment.UNDO_PAIRS}

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from aebnas.blocks.parts import bottleneck, conv_norm, gate

        spec, hidden = layer.spec, hidden_channels(layer)
        body = conv_norm(spec, layer.in_channels, hidden, spec.kernel, spec.stride, activated=True)
        return bottleneck(layer, [*body, *gate(layer, hidden), *conv_norm(spec, hidden, spec.width, 1)])

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        return ["expand.conv", "expand.norm", *gate_names(layer), "project.conv", last_norm_name(layer)]
