"""ResNet's basic block."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import Alignment, Block, LayerShape
from aebnas.blocks.names import gate_names

if TYPE_CHECKING:
    from torch import nn


class Residual(Block):
    """Two convolutions with a skip; a 1x1 projection where the shape changes (arXiv 1512.03385)."""

    name = "residual"
    aligned: ClassVar = {"shortcut.conv": Alignment.THROUGH}

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        from aebnas.blocks.parts import Skip, activation, conv_norm, gate, pooling

        spec = layer.spec
        body = [
            *conv_norm(spec, layer.in_channels, spec.width, spec.kernel, spec.stride, activated=True),
            *conv_norm(spec, spec.width, spec.width, spec.kernel),
            *gate(layer, spec.width),
        ]
        shortcut = (
            nn.Identity()
            if layer.keeps_shape
            else nn.Sequential(*conv_norm(spec, layer.in_channels, spec.width, 1, spec.stride))
        )
        skip = Skip(nn.Sequential(*body), shortcut, activation(spec.activation))
        return nn.Sequential(skip, *pooling(layer))

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        shortcut = [] if layer.keeps_shape else ["shortcut.conv", "shortcut.norm"]
        return ["first.conv", "first.norm", "second.conv", "second.norm", *gate_names(layer), *shortcut]
