"""One image file: its size and colours without decoding, and its pixels.

Grey files stay grey.  Transparency is laid over white, EXIF orientation is
applied, 16-bit grey is reduced to 8 bits, and files large enough to be a
decompression bomb are refused before they are decoded.

Must not import torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from aebnas.data.dataset import Images
from aebnas.errors import DataError

_EXIF_ORIENTATION = 0x0112
_GREY = ("1", "L", "LA", "La")
_GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_SUPPORTED = _GREY + _GREY_16 + _COLOUR


@dataclass(frozen=True)
class PictureHeader:
    """What a file says of itself before it is decoded; the size as it is shown."""

    width: int
    height: int
    is_grey: bool


def read_header(path: Path) -> PictureHeader:
    """Return size and colour kind of an image file.

    Raises:
        DataError: Not an image, refused as too large, or of a kind without 8-bit colours.
    """
    with _opened(path) as image:
        if image.mode not in _SUPPORTED:
            raise DataError(f"{path}: {_unsupported(image.mode)}")
        is_turned = image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
        width, height = reversed(image.size) if is_turned else image.size
        return PictureHeader(width, height, image.mode in _GREY + _GREY_16)


def read_pixels(path: Path, size: int | tuple[int, int] | None, channels: int) -> Images:
    """Return the pixels, shape ``(h, w, channels)``.

    Args:
        path: The file.
        size: Cut out the middle square and resize it, antialiased, to ``(size, size)``; a height and
            width: likewise, where the file has another size; None: as it is.
        channels: 1 for grey, 3 for RGB.

    Raises:
        DataError: Not an image, damaged, or refused as too large.
    """
    with _opened(path) as image:
        if image.mode not in _SUPPORTED:
            raise DataError(f"{path}: {_unsupported(image.mode)}")
        return pixels_of(image, size, channels)


def pixels_of(image: Image.Image, size: int | tuple[int, int] | None, channels: int) -> Images:
    """Return the pixels of an open image, shape ``(h, w, channels)``; as ``read_pixels`` does.

    Raises:
        DataError: Its mode has no 8-bit colours.
    """
    if image.mode not in _SUPPORTED:
        raise DataError(_unsupported(image.mode))
    picture = ImageOps.exif_transpose(_eight_bit(image))
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque.convert("RGB")
    picture = picture.convert("L" if channels == 1 else "RGB")
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        picture = ImageOps.fit(picture, (width, height), method=Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8).reshape(picture.height, picture.width, channels)


def _unsupported(mode: str) -> str:
    return f"images of mode {mode!r} are not supported; save it as 8-bit grey or RGB"


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in _GREY_16:
        return image
    # convert("L") would clip at 255 instead of scaling
    reduced = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    reduced.info = dict(image.info)
    return reduced


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # damaged metadata of a picture that can be read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{path}: refused, it could be a decompression bomb ({error}). Save it smaller."
        ) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise DataError(f"{path}: not a readable image ({error}). Remove or replace it.") from error
