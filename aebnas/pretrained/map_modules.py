"""Modules without weights between pieces and branches: ``to_map`` and ``reordering`` say which."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PatchMap(nn.Module):
    """Tokens ``(batch, n, c)`` as a map ``(batch, c, h, w)``, row by row."""

    def __init__(self, channels: int, height: int, width: int, prefix: int, channels_last: bool) -> None:
        """Leave out the first ``prefix`` tokens; ``height * width`` follow.

        Args:
            channels: Of each token.
            height: Patches from top to bottom.
            width: Patches from left to right.
            prefix: Tokens in front of them.
            channels_last: Whether tokens come as ``(batch, n, c)``, not ``(batch, c, n)``.
        """
        super().__init__()
        self.shape = -1, channels, height, width
        self.prefix, self.channels_last = prefix, channels_last

    def forward(self, x: Tensor) -> Tensor:
        """Return the map."""
        patches = x[:, self.prefix :].transpose(1, 2) if self.channels_last else x[:, :, self.prefix :]
        return patches.reshape(self.shape)


class ChannelsFirst(nn.Module):
    """A map ``(batch, h, w, c)`` as ``(batch, c, h, w)``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the map."""
        return x.permute(0, 3, 1, 2)


class MeanOfTokens(nn.Module):
    """The mean over tokens as a map of one pixel."""

    def __init__(self, axis: int) -> None:
        """Take the mean over an axis of ``(batch, n, c)`` or ``(batch, c, n)``."""
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, c, 1, 1)``."""
        return x.mean(self.axis)[:, :, None, None]


class OnePixel(nn.Module):
    """A vector ``(batch, c)`` as a map of one pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, c, 1, 1)``."""
        return x[:, :, None, None]


class Columns(nn.Module):
    """Some of the logits ``(batch, n)``, in an order of one's own."""

    order: Tensor

    def __init__(self, order: Sequence[int]) -> None:
        """Take the columns of these indices."""
        super().__init__()
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, len(order))``."""
        return x.index_select(1, self.order)
