"""What blocks are made of: convolutions with batch norm, gates, skips, activations, poolings.

Only plain ``Conv2d``, ``Linear``, batch norm and activations, so that counters of MACs see everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from aebnas.blocks.activations import ACTIVATIONS
from aebnas.blocks.block import PADDING, BlockSpec, LayerShape, acting_padding

Sides = Sequence[tuple[int, int]]
"""Zeros before and behind each axis of a map."""


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


class SamePadding(nn.Module):
    """Zeros around a map as TensorFlow's SAME has them in front of a convolution with a stride.

    As few as bring every pixel under a kernel, the odd one below and to the right: at an even size one
    side less than symmetric padding, so that kernels stand one pixel further.  Weights that were trained
    with one of the two say little with the other.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        """Pad for a convolution that pads nothing itself."""
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def sides(self, size: Sequence[int]) -> Sides:
        """Return the zeros before and behind each axis of a map."""
        sides = []
        for length in map(int, size):
            reached = (-(-length // self.stride) - 1) * self.stride + self.kernel
            missing = max(0, reached - length)
            sides.append((missing // 2, missing - missing // 2))
        return sides

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` of shape ``(batch, channels, h, w)``, padded."""
        sides = self.sides(x.shape[2:])
        if torch.onnx.is_in_onnx_export():
            exported: Tensor = _ExportedPadding.apply(x, sides)  # type: ignore[no-untyped-call]
            return exported
        return _padded(x, sides)


def _padded(x: Tensor, sides: Sides) -> Tensor:
    (top, bottom), (left, right) = sides
    return functional.pad(x, (left, right, top, bottom))


class _ExportedPadding(torch.autograd.Function):
    """Padding by constants, which onnxruntime makes part of the convolution behind it.

    From ``functional.pad`` the exporter makes ten nodes that compute the constants, and stay.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sides: Sides) -> Tensor:
        return _padded(x, sides)

    @staticmethod
    def symbolic(graph: Any, x: Any, sides: Sides) -> Any:
        before, behind = zip((0, 0), (0, 0), *sides, strict=True)
        zeros = graph.op("Constant", value_t=torch.tensor([*before, *behind]))
        return graph.op("Pad", x, zeros, mode_s="constant")


def activation(name: str) -> nn.Module:
    """Return an activation by the name that files use."""
    module: nn.Module = getattr(nn, ACTIVATIONS[name])(inplace=True)
    return module


def conv_norm(
    spec: BlockSpec,
    width_in: int,
    width_out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activated: bool = False,
) -> list[nn.Module]:
    """Return a convolution, padded so that sizes round up, its batch norm and perhaps an activation.

    Args:
        spec: The block's: how it pads and normalises, and its activation.
        width_in: Channels.
        width_out: Channels.
        kernel: Size.
        stride: Of the convolution.
        groups: Of channels: as many as there are makes it depthwise.
        activated: Whether the activation follows.
    """
    is_symmetric = acting_padding(spec.padding, kernel, stride) == PADDING
    padding = [] if is_symmetric else [SamePadding(kernel, stride)]
    inside = kernel // 2 if is_symmetric else 0
    conv = nn.Conv2d(width_in, width_out, kernel, stride, inside, groups=groups, bias=False)
    norm = nn.BatchNorm2d(width_out, eps=spec.norm_eps)
    return [*padding, conv, norm, *([activation(spec.activation)] if activated else [])]


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
