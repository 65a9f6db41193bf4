"""Mean and spread of the pixels, by which every input is normalised.

Exact integer sums: the same on every machine and in any order.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aebnas.data.dataset import ImageSet

_CHUNK_BYTES = 1 << 21
_SMALLEST_STD = 1 / 255  # a channel without contrast must not be divided by zero


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean and standard deviation of each channel, of pixels scaled to 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def of(train: ImageSet) -> ChannelStatistics:
        """Return the exact statistics of all pixels of ``train``."""
        count, height, width, channels = train.images.shape
        rows = train.images.reshape(count * height, width * channels)
        step = max(1, _CHUNK_BYTES // (width * channels))
        total = np.zeros(width * channels, np.uint64)
        squares = np.zeros(width * channels, np.uint64)
        for start in range(0, len(rows), step):
            chunk = rows[start : start + step].astype(np.uint16)
            total += chunk.sum(axis=0, dtype=np.uint64)
            chunk *= chunk  # 255 * 255 fits into 16 bits
            squares += chunk.sum(axis=0, dtype=np.uint64)
        pixels = count * height * width
        mean = total.reshape(width, channels).sum(axis=0) / (255 * pixels)
        square = squares.reshape(width, channels).sum(axis=0) / (255 * 255 * pixels)
        std = np.sqrt(np.maximum(square - mean**2, _SMALLEST_STD**2))
        return ChannelStatistics(tuple(mean.tolist()), tuple(std.tolist()))

    def to_dict(self) -> dict[str, list[float]]:
        """Return plain lists, for a run's record or an exported network."""
        return {"mean": list(self.mean), "std": list(self.std)}
