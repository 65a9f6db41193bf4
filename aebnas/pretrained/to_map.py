"""What turns features of any form into the map that exit branches and classifiers stand on, as a layer.

Convolutional networks have maps ``(c, h, w)``, others ``(h, w, c)``.  Transformers have tokens ``(n, c)``:
their patches become a map again, row by row, and class and register tokens in front of them are left out;
where patches and image do not fit, the mean over all tokens is taken.  What is pooled already is a vector,
a map of one pixel.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ShapeError

if TYPE_CHECKING:
    from torch import nn

TYPE = "to_map"
"""What stands where other layers name their block."""
MOST_PREFIX_TOKENS = 8
"""Class and register tokens that may stand before the patches."""


class Grid(NamedTuple):
    """Patches of an image among tokens."""

    height: int
    width: int
    prefix: int
    """Tokens in front of them."""


@dataclass(frozen=True, kw_only=True)
class ToMap(Layer):
    """Features of another form than ``(c, h, w)`` as a map of the same channels."""

    grid: Grid | None = None
    """Of tokens; None: they are averaged, or there are none."""

    @property
    def output(self) -> TensorSpec:
        """Return the shape of the map."""
        return TensorSpec(self.in_channels, _size_of_map(self.input, self.grid))

    def signature(self) -> str:
        """Return the layer's name, e.g. ``to_map-in192-out192-1+14x14@197-last``."""
        parts = [TYPE, f"in{self.in_channels}", f"out{self.in_channels}"]
        if self.grid is not None:
            parts.append(f"{self.grid.prefix}+{self.grid.height}x{self.grid.width}")
        return f"{'-'.join(parts)}@{self.input.size_text() or 1}"

    def build(self) -> nn.Module:
        """Return the module, which has no weights: ``(batch, *input)`` in, ``(batch, c, h, w)`` out."""
        from aebnas.pretrained import map_modules

        match self.input.size, self.input.channels_last:
            case (_, _), True:
                return map_modules.ChannelsFirst()
            case (_,), last if self.grid is None:
                return map_modules.MeanOfTokens(axis=1 if last else 2)
            case (_,), last if self.grid is not None:
                return map_modules.PatchMap(self.in_channels, *self.grid, channels_last=last)
        return map_modules.OnePixel()


def to_map(features: TensorSpec, image: tuple[int, ...]) -> tuple[Layer, ...]:
    """Return the layer that makes a map of features; none where they are one.

    Args:
        features: Of one image: a map, tokens or a vector.
        image: Height and width of what the network takes: patches lie in it as pixels do.

    Raises:
        ShapeError: The features have another form.
    """
    if len(features.size) == 2 and not features.channels_last:
        return ()
    if len(features.size) > 2:
        raise ShapeError(f"an exit needs a map, tokens or a vector, but the features are {features.shape}")
    grid = grid_of(features.size[0], image) if len(features.size) == 1 else None
    return (ToMap(BlockSpec(TYPE, 1, features.channels), features, grid=grid),)


def mapped(features: TensorSpec, image: tuple[int, ...]) -> TensorSpec:
    """Return the shape of the map that ``to_map`` makes of features."""
    return next((layer.output for layer in to_map(features, image)), features)


def grid_of(tokens: int, image: tuple[int, ...]) -> Grid | None:
    """Return how the patches of an image lie among tokens; None: they do not, or are too few.

    Patches are square, as large as they have to be.  Where they fill the image, the fewest tokens that fit
    stand in front of them; where the last ones are cut off or filled up, one at most, for some number
    would fit always.

    Args:
        tokens: How many there are.
        image: Height and width.
    """
    if len(image) != 2:
        return None
    return min(_grids(tokens, *image), key=lambda grid: grid.prefix, default=None)


def _grids(tokens: int, height: int, width: int) -> Iterator[Grid]:
    for patch in range(1, max(height, width) + 1):
        fills = height % patch == width % patch == 0
        for rounded in (0, patch - 1):
            rows, columns = (height + rounded) // patch, (width + rounded) // patch
            prefix = tokens - rows * columns
            if 0 <= prefix <= (MOST_PREFIX_TOKENS if fills else 1) and 1 < rows * columns > prefix:
                yield Grid(rows, columns, prefix)


def _size_of_map(features: TensorSpec, grid: Grid | None) -> tuple[int, ...]:
    if len(features.size) == 2:
        return features.size
    return (1, 1) if grid is None else (grid.height, grid.width)
