"""The shape of one sample, without the batch.  Must not import torch."""

from __future__ import annotations

import math
from typing import NamedTuple


class TensorSpec(NamedTuple):
    """Channels, and how long each further axis is."""

    channels: int
    size: tuple[int, ...] = ()
    """``(height, width)`` of an image or feature map, ``(length,)`` of a signal, ``()`` of logits."""
    channels_last: bool = False
    """Whether the channels come behind the other axes: as tokens ``(count, channels)`` have them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape as torch has it: channels first, where nothing else is said."""
        return (*self.size, self.channels) if self.channels_last else (self.channels, *self.size)

    @property
    def elements(self) -> int:
        """Return the number of values."""
        return self.channels * math.prod(self.size)

    @property
    def is_one_pixel(self) -> bool:
        """Whether no axis is longer than 1, so that no stride and no pooling does anything."""
        return max(self.size, default=1) == 1

    @property
    def can_halve(self) -> bool:
        """Whether every axis is long enough for a pooling that halves it."""
        return min(self.size, default=1) > 1

    def strided(self, stride: int) -> TensorSpec:
        """Return the shape behind a padded convolution or pooling with a stride: sizes round up."""
        if stride == 1:
            return self
        return self.with_size(tuple(-(-length // stride) for length in self.size))

    def halved(self) -> TensorSpec:
        """Return the shape behind a pooling over windows of 2: sizes round down."""
        return self.with_size(tuple(length // 2 for length in self.size))

    def with_channels(self, channels: int) -> TensorSpec:
        """Return the same size with other channels."""
        return self._replace(channels=channels)

    def with_size(self, size: tuple[int, ...]) -> TensorSpec:
        """Return the same channels with another size."""
        return self._replace(size=size)

    def size_text(self) -> str:
        """Return the size as signatures have it: ``16`` for 16 x 16 pixels, ``24x32`` for 24 x 32.

        Where the channels come last that is said: ``17-last`` for 17 tokens.
        """
        is_square = len(self.size) == 2 and self.size[0] == self.size[1]
        text = str(self.size[0]) if is_square else "x".join(map(str, self.size))
        return f"{text}-last" if self.channels_last else text


def image(channels: int, size: int | tuple[int, int]) -> TensorSpec:
    """Return the shape of an image or feature map; one number is height and width."""
    return TensorSpec(channels, (size, size) if isinstance(size, int) else size)


def tokens(count: int, channels: int) -> TensorSpec:
    """Return the shape of a transformer's features: ``(count, channels)``."""
    return TensorSpec(channels, (count,), channels_last=True)
