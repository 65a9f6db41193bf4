"""One image file: its size and colours without decoding, and its pixels.

Grey files stay grey.  Transparency is laid over white, EXIF orientation is
applied, 16-bit grey is reduced to 8 bits, and files large enough to be a
decompression bomb are refused before they are decoded.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from aebnas.data.dataset import Images
from aebnas.data.pictures.files import opened
from aebnas.data.pictures.orientation import decode, shown_size, upright
from aebnas.data.pictures.sixteen_bits import (
    FULL,
    GREY_16,
    ValueRange,
    eight_bit,
    highest_colour,
    highest_value,
    is_deep_colour,
    refuse_unclear,
)
from aebnas.errors import DataError
from aebnas.task.input_size import Size, size_of

_GREY = ("1", "L", "LA", "La")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_SUPPORTED = _GREY + GREY_16 + _COLOUR
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}


@dataclass(frozen=True)
class PictureHeader:
    """What a file says of itself before it is decoded; the size as it is shown."""

    width: int
    height: int
    is_grey: bool


def read_header(path: Path) -> PictureHeader:
    """Return size and colour kind of an image file, without decoding it.

    Raises:
        DataError: Not an image, refused as too large, or of a kind without 8-bit colours.
    """
    with opened(path) as image:
        _check_mode(image)
        width, height = shown_size(image)
        if min(width, height) < 1:
            raise DataError(f"{width} x {height} pixels. Remove or replace it.")
        return PictureHeader(width, height, image.mode in _GREY + GREY_16)


def read_pixels(path: Path, size: Size | None, channels: int, depth: int | None = None) -> Images:
    """Return the pixels, shape ``(h, w, channels)``.

    Args:
        path: The file.
        size: Cut out the middle square and resize it, antialiased, to ``(size, size)``; a height and
            width: likewise, where the file has another size; None: as it is.
        channels: 1 for grey, 3 for RGB.
        depth: Bits that the 16-bit images of the training had; None: there were none.

    Raises:
        DataError: Not an image, damaged, refused as too large, or with 16-bit values that ``depth`` does
            not explain.
    """
    with opened(path) as image:
        return pixels_of(image, size, channels, depth)


def read_training_pixels(
    path: Path, size: Size | None, channels: int, depth: int, seen: ValueRange
) -> Images:
    """Return the pixels as ``read_pixels`` does, and note the range of 16-bit values.

    Args:
        path: The file.
        size: As of ``read_pixels``.
        channels: 1 for grey, 3 for RGB.
        depth: Bits that 16-bit images have, for all that is known.
        seen: Told the highest value, where there are 16 bits.

    Raises:
        DataError: Not an image, damaged, or refused as too large.
    """
    with opened(path) as image:
        _check_mode(image)
        is_deep = is_deep_colour(image)
        decode(image)
        if image.mode in GREY_16:
            seen.highest[str(path)] = highest_value(image)
        elif is_deep:
            seen.highest_colours[str(path)] = highest_colour(image)
        return _pixels(image, size, channels, depth)


def pixels_of(image: Image.Image, size: Size | None, channels: int, depth: int | None = None) -> Images:
    """Return the pixels of an open image, shape ``(h, w, channels)``; as ``read_pixels`` does.

    Raises:
        DataError: Its mode has no 8-bit colours, or ``depth`` does not explain its 16-bit values.
    """
    _check_mode(image)
    is_deep = is_deep_colour(image)
    decode(image)
    refuse_unclear(image, depth, is_deep)
    return _pixels(image, size, channels, depth)


def _pixels(image: Image.Image, size: Size | None, channels: int, depth: int | None) -> Images:
    reduced = eight_bit(image, FULL if depth is None else depth) if image.mode in GREY_16 else image
    picture = upright(reduced, image)
    if picture.mode in _PREMULTIPLIED:
        picture = picture.convert(_PREMULTIPLIED[picture.mode])
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque.convert("RGB")
    picture = picture.convert("L" if channels == 1 else "RGB")
    if size is not None:
        height, width = size_of(size)
        picture = ImageOps.fit(picture, (width, height), method=Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8).reshape(picture.height, picture.width, channels)


def _check_mode(image: Image.Image) -> None:
    if image.mode not in _SUPPORTED:
        raise DataError(f"images of mode {image.mode!r} are not supported; save it as 8-bit grey or RGB")
