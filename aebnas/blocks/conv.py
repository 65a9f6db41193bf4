"""A plain convolution with batch norm and activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import Alignment, Block, LayerShape
from aebnas.blocks.names import gate_names

if TYPE_CHECKING:
    from torch import nn


class Conv(Block):
    """Convolution, batch norm, activation."""

    name = "conv"
    aligned: ClassVar = {"conv": Alignment.THROUGH}

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        from aebnas.blocks.parts import conv_norm, gate, pooling

        spec = layer.spec
        body = conv_norm(spec, layer.in_channels, spec.width, spec.kernel, spec.stride, activated=True)
        return nn.Sequential(*body, *gate(layer, spec.width), *pooling(layer))

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        return ["conv", "norm", *gate_names(layer)]
