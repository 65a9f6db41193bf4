"""Sizes of images, and what is cut off where two sizes differ in shape.  Must not import torch."""

from __future__ import annotations

from typing import Any, NamedTuple

Size = int | tuple[int, int]
"""Pixels: a number is height and width, a pair is ``(height, width)``."""


def size_of(size: Size) -> tuple[int, int]:
    """Return height and width."""
    return (size, size) if isinstance(size, int) else size


def canonical_size(size: Any) -> Size:
    """Return one number for a square, a tuple for another rectangle.

    Raises:
        ValueError: It is neither a number of pixels nor a pair.
    """
    sides = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(sides) != 2 or any(type(side) is not int or side < 1 for side in sides):
        raise ValueError(f"must be a valid integer or a pair [height, width], but got {size!r}")
    height, width = sides
    return height if height == width else (height, width)


class Crop(NamedTuple):
    """A part of an image."""

    top: int
    left: int
    height: int
    width: int


def centre_crop(size: tuple[int, int], ratio: tuple[int, int]) -> Crop:
    """Return the largest part in the middle of an image whose sides are in the ratio ``(height, width)``.

    Nothing is stretched by more than the rounding to whole pixels.
    """
    height, width = size
    rows, columns = ratio
    if height * columns > width * rows:
        height = max(1, (2 * width * rows + columns) // (2 * columns))
    elif height * columns < width * rows:
        width = max(1, (2 * height * columns + rows) // (2 * rows))
    return Crop((size[0] - height) // 2, (size[1] - width) // 2, height, width)
