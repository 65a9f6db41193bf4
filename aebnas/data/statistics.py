"""Mean and spread of the pixels, by which every input is normalised.

Exact integer sums: the same on every machine and in any order.

Must not import torch.
"""

from __future__ import annotations

import numpy as np

from aebnas.data.dataset import Samples
from aebnas.task.input_spec import Normalisation

_CHUNK_BYTES = 1 << 21
_SMALLEST_STD = 1 / 255  # a channel without contrast must not be divided by zero


def pixel_normalisation(train: Samples) -> Normalisation:
    """Return the exact mean and standard deviation of all pixels of ``train``, scaled to 0..1, by channel.

    Raises:
        DataError: They are no images.
    """
    images = train.pixels
    count, height, width, channels = images.shape
    rows = images.reshape(count * height, width * channels)
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
    return Normalisation(tuple(mean.tolist()), tuple(std.tolist()))
