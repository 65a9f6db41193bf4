"""What blocks are made of: convolutions with batch norm, gates, skips, activations, poolings.

Only plain ``Conv2d``, ``Linear``, batch norm and activations, so that counters of MACs see everything.
"""

from __future__ import annotations

from torch import Tensor, nn

from aebnas.blocks.activations import ACTIVATIONS
from aebnas.blocks.block import LayerShape


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate computed from all channels (arXiv 1709.01507, hard sigmoid)."""

    def __init__(self, channels: int) -> None:
        """Gate ``channels`` channels through a bottleneck of a quarter of them, at least 4."""
        super().__init__()
        hidden = max(4, channels // 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` of shape ``(batch, channels, h, w)``, scaled per channel."""
        scaled: Tensor = x * self.gate(self.pool(x))
        return scaled


class Skip(nn.Module):
    """``body(x) + shortcut(x)``, then an optional activation."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, activation: nn.Module) -> None:
        """Add ``shortcut`` around ``body``."""
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        out: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return out


def activation(name: str) -> nn.Module:
    """Return an activation by the name that files use."""
    module: nn.Module = getattr(nn, ACTIVATIONS[name])(inplace=True)
    return module


def conv_norm(
    width_in: int,
    width_out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activated: str | None = None,
) -> list[nn.Module]:
    """Return a padded convolution, its batch norm and, where one is named, an activation."""
    conv = nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(width_out)
    return [conv, norm, *([activation(activated)] if activated else [])]


def gate(layer: LayerShape, channels: int) -> list[nn.Module]:
    """Return the gate over ``channels`` channels, if the layer has squeeze-and-excitation."""
    return [SqueezeExcitation(channels)] if layer.spec.se else []


def pooling(layer: LayerShape) -> list[nn.Module]:
    """Return the pooling behind a block, if the layer has one."""
    match layer.spec.pool:
        case "max2":
            return [nn.MaxPool2d(2)]
        case "avg2":
            return [nn.AvgPool2d(2)]
        case _:
            return []


def bottleneck(layer: LayerShape, body: list[nn.Module]) -> nn.Module:
    """Return the body with a skip around it where the shape stays, then the pooling."""
    inner = nn.Sequential(*body)
    block = Skip(inner, nn.Identity(), nn.Identity()) if layer.keeps_shape else inner
    return nn.Sequential(block, *pooling(layer))
