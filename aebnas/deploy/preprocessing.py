"""From uint8 images to the network's input, in numpy alone: bit for bit what training does on a CPU.

torch resizes uint8 images as Pillow-SIMD does: antialiased bilinear weights as 16-bit integers, one
axis after the other, rounded to uint8 in between.  Here each axis is a product with a matrix of those
integers; float64 holds every sum exactly.  Must not import torch.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from aebnas.task.input_size import Crop, centre_crop
from aebnas.task.input_spec import InputSpec

Pixels = NDArray[np.uint8]
Inputs = NDArray[np.float32]
FloatArray = NDArray[np.float64]
_LARGEST_INT16 = 1 << 15
_MOST_BITS = 22
_FILTER_RADIUS = 1.0


class Preprocessing:
    """Crops, resizes and normalises images of one shape: ``(pixel / 255 - mean) / std``."""

    def __init__(self, shape: tuple[int, ...], spec: InputSpec) -> None:
        """Lay out weights, scale and shift once.

        Args:
            shape: Height, width and channels of the images.
            spec: What the network takes in.

        Raises:
            ValueError: The network's normalisation is not known.
        """
        height, width, self._channels = shape
        rows, columns = spec.size
        is_whole = spec.fit == "stretch"
        self._crop = Crop(0, 0, height, width) if is_whole else centre_crop((height, width), (rows, columns))
        self._order = slice(None, None, -1) if spec.colours == "bgr" else slice(None)
        self._rows = None if self._crop.height == rows else _AxisWeights(self._crop.height, rows)
        self._columns = None if self._crop.width == columns else _AxisWeights(self._crop.width, columns)
        means, stds = (np.asarray(values, np.float64) for values in spec.known_normalisation)
        self._scale = (1 / (255 * stds)).astype(np.float32).reshape(-1, 1, 1)
        self._shift = (-means / stds).astype(np.float32).reshape(-1, 1, 1)

    def __call__(self, images: Pixels) -> Inputs:
        """Return the network's input ``(n, *spec.shape)`` of images ``(n, h, w, c)``."""
        top, left, height, width = self._crop
        planes = images[:, top : top + height, left : left + width, self._order].transpose(0, 3, 1, 2)
        if self._columns is not None:
            planes = self._columns.apply(planes)
        if self._rows is not None:
            planes = self._rows.apply(planes.swapaxes(2, 3)).swapaxes(2, 3)
        inputs = np.ascontiguousarray(planes, dtype=np.float32)
        inputs *= self._scale
        inputs += self._shift
        return inputs


class _AxisWeights:
    """Resizing along the last axis, as torch's and Pillow's integer kernels do it."""

    def __init__(self, size: int, new_size: int) -> None:
        weights = _bilinear_weights(size, new_size)
        bits = next(n for n in range(_MOST_BITS + 1) if _is_precise_enough(weights.max(), n))
        self._matrix = np.floor(weights * (1 << bits) + 0.5)
        self._half, self._unit = float(1 << bits) / 2, float(1 << bits)

    def apply(self, planes: Pixels) -> Pixels:
        """Return uint8 planes ``(..., new_size)``."""
        sums = planes.astype(np.float64) @ self._matrix.T
        resized: Pixels = np.clip(np.floor((sums + self._half) / self._unit), 0, 255).astype(np.uint8)
        return resized


def _is_precise_enough(largest: float, bits: int) -> bool:
    return bits == _MOST_BITS or int(0.5 + largest * (1 << (bits + 1))) >= _LARGEST_INT16


def _bilinear_weights(size: int, new_size: int) -> FloatArray:
    """Return the antialiased bilinear weights of every new pixel, ``(new_size, size)``; rows sum to 1."""
    scale = size / new_size
    stretch = max(scale, 1.0)
    support = _FILTER_RADIUS * stretch
    weights = np.zeros((new_size, size))
    for i in range(new_size):
        centre = scale * (i + 0.5)
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size)
        last = min(last, first + math.ceil(support) * 2 + 1)
        distance = np.abs((np.arange(first, last) - centre + 0.5) / stretch)
        row = np.where(distance < 1.0, 1.0 - distance, 0.0)
        weights[i, first:last] = row / row.sum()
    return weights
