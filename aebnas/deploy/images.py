"""Images in any of the forms a program has them: files, Pillow images, arrays.

All are brought to the shape that the network was trained on, as training brings folders of images to
one size: EXIF orientation applied, transparency laid over white, the middle of the trained shape cut out
and resized, antialiased.  Must not import torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aebnas.data.pictures.files import decoding
from aebnas.data.pictures.pixels import pixels_of, read_pixels
from aebnas.errors import DataError

ImageLike: TypeAlias = str | Path | Image.Image | NDArray[Any]
"""A file, a Pillow image, or an array: uint8 pixels ``(h, w)`` or ``(h, w, channels)``."""
Pixels = NDArray[np.uint8]
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def to_pixels(image: ImageLike, shape: tuple[int, int, int], depth: int | None = None) -> Pixels:
    """Return an image as uint8 pixels of the trained shape ``(h, w, c)``.

    Args:
        image: A file, a Pillow image, or a uint8 array.
        shape: Height, width, and 1 channel (grey) or 3 (RGB).
        depth: Bits that 16-bit images of the training were read with; None: there were none.

    Raises:
        DataError: It is no image, damaged, refused as too large, of another type, or has 16-bit values that
            the training's do not explain.
    """
    if isinstance(image, np.ndarray):
        if image.shape == shape and image.dtype == np.uint8:
            return image
        image = _picture(image)
    size, channels = shape[:2], shape[2]
    if isinstance(image, Image.Image):
        with decoding():  # Pillow decodes late
            return pixels_of(image, size, channels, depth)
    if isinstance(image, str | Path):
        return read_pixels(Path(image), size, channels, depth)
    raise DataError(
        f"an image must be a path, a Pillow image or a uint8 array (h, w, channels), "
        f"but got {type(image).__name__}"
    )


def _picture(pixels: NDArray[Any]) -> Image.Image:
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or channels not in _MODES or not pixels.size:
        raise DataError(
            "an image array must be uint8 of shape (h, w) or (h, w, 1 to 4 channels), "
            f"but got {pixels.dtype} of shape {pixels.shape}"
        )
    plane = pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(plane))
