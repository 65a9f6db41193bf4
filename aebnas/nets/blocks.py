"""Blocks: the torch module of every kind of layer.

``build(layer)`` is the only place where a ``Layer`` becomes a module.  To add a
block or an exit layer: one function here, its entry in ``BLOCKS`` and its name
in ``aebnas.config.space_schema``.  Only plain ``Conv2d``, ``Linear``, batch norm
and activations are used, so that MAC counters see everything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from aebnas.space.layer import Layer

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "hswish": lambda: nn.Hardswish(inplace=True),
    "silu": lambda: nn.SiLU(inplace=True),
}


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


def build(layer: Layer) -> nn.Module:
    """Return the freshly initialised module of a layer: ``(batch, in, s, s)`` in, see ``Layer`` for out.

    A classifier returns logits ``(batch, classes)``.
    """
    return BLOCKS[layer.spec.type](layer)


def _conv_norm(
    width_in: int,
    width_out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: str | None = None,
) -> list[nn.Module]:
    conv = nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    norm = nn.BatchNorm2d(width_out)
    return [conv, norm, *([ACTIVATIONS[activation]()] if activation else [])]


def _se(layer: Layer, channels: int) -> list[nn.Module]:
    return [SqueezeExcitation(channels)] if layer.spec.se else []


def _pooling(layer: Layer) -> list[nn.Module]:
    match layer.spec.pool:
        case "max2":
            return [nn.MaxPool2d(2)]
        case "avg2":
            return [nn.AvgPool2d(2)]
        case _:
            return []


def _conv(layer: Layer) -> nn.Module:
    spec = layer.spec
    body = _conv_norm(layer.in_channels, spec.width, spec.kernel, spec.stride, activation=spec.activation)
    return nn.Sequential(*body, *_se(layer, spec.width), *_pooling(layer))


def _dwconv(layer: Layer) -> nn.Module:
    """Depthwise separable convolution (arXiv 1704.04861)."""
    spec, width = layer.spec, layer.in_channels
    depthwise = _conv_norm(width, width, spec.kernel, spec.stride, width, spec.activation)
    pointwise = _conv_norm(width, spec.width, 1, activation=spec.activation)
    return nn.Sequential(*depthwise, *_se(layer, width), *pointwise, *_pooling(layer))


def _residual(layer: Layer) -> nn.Module:
    """Two convolutions with a skip; a 1x1 projection where the shape changes (arXiv 1512.03385)."""
    spec = layer.spec
    body = [
        *_conv_norm(layer.in_channels, spec.width, spec.kernel, spec.stride, activation=spec.activation),
        *_conv_norm(spec.width, spec.width, spec.kernel),
        *_se(layer, spec.width),
    ]
    project = not keeps_shape(layer)
    shortcut = (
        nn.Sequential(*_conv_norm(layer.in_channels, spec.width, 1, spec.stride))
        if project
        else nn.Identity()
    )
    skip = Skip(nn.Sequential(*body), shortcut, ACTIVATIONS[spec.activation]())
    return nn.Sequential(skip, *_pooling(layer))


def _fused(layer: Layer) -> nn.Module:
    """Fused inverted bottleneck: a dense expansion convolution, then a projection (arXiv 2104.00298)."""
    spec = layer.spec
    hidden = _hidden(layer)
    body = _conv_norm(layer.in_channels, hidden, spec.kernel, spec.stride, activation=spec.activation)
    return _bottleneck(layer, [*body, *_se(layer, hidden), *_conv_norm(hidden, spec.width, 1)])


def _mbconv(layer: Layer) -> nn.Module:
    """Inverted bottleneck (arXiv 1801.04381); no expansion convolution at expansion 1."""
    spec = layer.spec
    hidden = _hidden(layer)
    expand = (
        _conv_norm(layer.in_channels, hidden, 1, activation=spec.activation) if spec.expansion != 1 else []
    )
    depthwise = _conv_norm(hidden, hidden, spec.kernel, spec.stride, hidden, spec.activation)
    return _bottleneck(layer, [*expand, *depthwise, *_se(layer, hidden), *_conv_norm(hidden, spec.width, 1)])


def _bottleneck(layer: Layer, body: list[nn.Module]) -> nn.Module:
    inner = nn.Sequential(*body)
    block = Skip(inner, nn.Identity(), nn.Identity()) if keeps_shape(layer) else inner
    return nn.Sequential(block, *_pooling(layer))


def _pool(layer: Layer) -> nn.Module:
    kernel = layer.spec.kernel
    return nn.AvgPool2d(kernel, layer.spec.stride, kernel // 2, count_include_pad=False)


def _classifier(layer: Layer) -> nn.Module:
    width, hidden = layer.in_channels, layer.features
    features: list[nn.Module] = []
    if hidden:
        features = [nn.Conv2d(width, hidden, 1), ACTIVATIONS[layer.spec.activation]()]
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), *features, nn.Flatten(), nn.Linear(hidden or width, layer.spec.width)
    )


def _hidden(layer: Layer) -> int:
    return round(layer.in_channels * layer.spec.expansion)


def keeps_shape(layer: Layer) -> bool:
    """Return whether a block's output has its input's shape, so that they can be added."""
    return layer.spec.stride == 1 and layer.in_channels == layer.spec.width


BLOCKS: dict[str, Callable[[Layer], nn.Module]] = {
    "conv": _conv,
    "dwconv": _dwconv,
    "residual": _residual,
    "fused": _fused,
    "mbconv": _mbconv,
    "pool": _pool,
    "classifier": _classifier,
}


def initialise(module: nn.Module) -> None:
    """Draw weights anew: He-normal convolutions, the last batch norm of each skip at zero.

    Source: arXiv 1502.01852; zero-initialised residual branches from arXiv 1706.02677.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Linear):
            # N(0, 0.01) is slow for narrow networks in few epochs: 90.8 against 91.5% on mnist5k
            part.reset_parameters()
    for part in module.modules():
        if isinstance(part, Skip):
            norms = [p for p in part.body.modules() if isinstance(p, nn.BatchNorm2d)]
            with torch.no_grad():
                norms[-1].weight.zero_()
