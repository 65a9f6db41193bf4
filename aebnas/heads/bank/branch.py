"""An exit branch on features: what turns them into a map where they are none, then its layers.

Convolutional networks have maps ``(c, h, w)``, some transformers ``(h, w, c)``, others tokens ``(n, c)``: the
patches among them become a map again, class and register tokens in front of them are left out; where the
patches fill no square, the mean over all tokens is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ShapeError
from aebnas.nets.initial_weights import initialise

MOST_PREFIX_TOKENS = 8
"""Class and register tokens that may stand before the patches."""


class TokenMap(nn.Module):
    """Tokens ``(batch, n, c)`` as a map ``(batch, c, h, w)``, row by row."""

    def __init__(self, prefix: int, height: int, width: int) -> None:
        """Leave out the first ``prefix`` tokens; ``height * width`` follow."""
        super().__init__()
        self.prefix, self.height, self.width = prefix, height, width

    def forward(self, x: Tensor) -> Tensor:
        """Return the map."""
        patches = x[:, self.prefix :].transpose(1, 2)
        return patches.reshape(len(x), -1, self.height, self.width)


class ChannelsFirst(nn.Module):
    """A map ``(batch, h, w, c)`` as ``(batch, c, h, w)``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the map."""
        return x.permute(0, 3, 1, 2)


class TokenMean(nn.Module):
    """The mean over tokens ``(batch, n, c)`` as a map of one pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, c, 1, 1)``."""
        return x.mean(1)[:, :, None, None]


class OnePixel(nn.Module):
    """A vector ``(batch, c)`` as a map of one pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, c, 1, 1)``."""
        return x[:, :, None, None]


class FeatureMap(NamedTuple):
    """How features become the map that a branch begins with."""

    name: str
    """Identity of what is done: ``map``, ``tokens 1+14x14``, ``mean of tokens``, ``vector``."""
    spec: TensorSpec
    module: nn.Module


def feature_map(spec: TensorSpec, grid: tuple[int, int] | None = None) -> FeatureMap:
    """Return how the features of one image become a map.

    Args:
        spec: Of a map, tokens or a vector.
        grid: Height and width of the patches of tokens; None: they fill a square, or are averaged.

    Raises:
        ShapeError: The features have another form, or fewer tokens than the grid.
    """
    match spec.size, spec.channels_last:
        case (_, _), False:
            return FeatureMap("map", spec, nn.Identity())
        case (height, width), True:
            return FeatureMap("map", TensorSpec(spec.channels, (height, width)), ChannelsFirst())
        case (tokens,), True:
            return _of_tokens(tokens, spec.channels, grid or _square(tokens))
        case (), _:
            return FeatureMap("vector", TensorSpec(spec.channels, (1, 1)), OnePixel())
    raise ShapeError(f"an exit needs a map, tokens or a vector, but the features are {spec.shape}")


class Branch(nn.Module):
    """A branch with its classifier: features in, logits ``(batch, classes)`` out."""

    def __init__(self, features: FeatureMap, layers: Sequence[Layer]) -> None:
        """Build and initialise the layers.

        Raises:
            ShapeError: The first one expects other features.
        """
        super().__init__()
        if layers[0].input != features.spec:
            raise ShapeError(
                f"the branch begins with {layers[0].signature()}, but the features are {features.spec.shape}"
            )
        self.features = features.module
        self.exit = nn.Sequential(*(layer.build() for layer in layers))
        initialise(self.exit)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.exit(self.features(x))
        return logits


def _square(tokens: int) -> tuple[int, int] | None:
    for prefix in range(min(MOST_PREFIX_TOKENS + 1, tokens)):
        side = math.isqrt(tokens - prefix)
        if side > prefix and side * side == tokens - prefix > 1:
            return side, side
    return None


def _of_tokens(tokens: int, channels: int, grid: tuple[int, int] | None) -> FeatureMap:
    if grid is None:
        return FeatureMap("mean of tokens", TensorSpec(channels, (1, 1)), TokenMean())
    height, width = grid
    prefix = tokens - height * width
    if prefix < 0:
        raise ShapeError(f"a grid of {height} x {width} patches needs as many tokens, but there are {tokens}")
    name = f"tokens {prefix}+{height}x{width}"
    return FeatureMap(name, TensorSpec(channels, grid), TokenMap(prefix, height, width))
