"""An inverted bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import Alignment, Block, LayerShape
from aebnas.blocks.names import gate_names, hidden_channels, last_norm_name

if TYPE_CHECKING:
    from torch import nn


class MBConv(Block):
    """Expansion, depthwise convolution, projection (arXiv 1801.04381); no expansion at expansion 1."""

    name = "mbconv"
    reads = Block.reads | {"expansion"}
    is_depthwise = True
    aligned: ClassVar = {
        "expand.conv": Alignment.PAIRS,
        "depthwise.conv": Alignment.EACH,
        "project.conv": Alignment.UNDO_PAIRS,
    }

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from aebnas.blocks.parts import bottleneck, conv_norm, gate

        spec, hidden = layer.spec, hidden_channels(layer)
        expands = spec.expansion != 1
        body = [
            *(conv_norm(spec, layer.in_channels, hidden, 1, activated=True) if expands else []),
            *conv_norm(spec, hidden, hidden, spec.kernel, spec.stride, hidden, activated=True),
            *gate(layer, hidden),
            *conv_norm(spec, hidden, spec.width, 1),
        ]
        return bottleneck(layer, body)

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        expand = ["expand.conv", "expand.norm"] if layer.spec.expansion != 1 else []
        depthwise = ["depthwise.conv", "depthwise.norm"]
        return [*expand, *depthwise, *gate_names(layer), "project.conv", last_norm_name(layer)]
