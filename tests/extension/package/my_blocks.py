"""A block for stages, and a module for exit branches alone, of somebody who uses AEBNAS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from my_parts import half_of

from aebnas.extending import Block, LayerShape

if TYPE_CHECKING:
    from torch import nn


class Ghost(Block):
    """Half of the channels by a convolution, the others from them (arXiv 1911.11907)."""

    reads = frozenset({"kernel", "width", "stride"})

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        import torch
        from torch import nn

        from aebnas.extending import conv_norm

        spec, half = layer.spec, half_of(layer.spec.width)

        class Halves(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                first = conv_norm(spec, layer.in_channels, half, 1, spec.stride, activated=True)
                rest = spec.width - half
                self.first = nn.Sequential(*first)
                self.second = nn.Sequential(*conv_norm(spec, half, rest, spec.kernel, activated=True))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                first = self.first(x)
                return torch.cat([first, self.second(first)], dim=1)

        return Halves()

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        return ["first.conv", "first.norm", "second.conv", "second.norm"]


class Squeeze(Block):
    """A 1x1 convolution to half of the channels, then k x k."""

    in_stages = False
    reads = frozenset({"kernel", "width", "stride"})

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        from aebnas.extending import conv_norm

        spec, inner = layer.spec, half_of(layer.in_channels)
        return nn.Sequential(
            *conv_norm(spec, layer.in_channels, inner, 1, activated=True),
            *conv_norm(spec, inner, spec.width, spec.kernel, spec.stride, activated=True),
        )
