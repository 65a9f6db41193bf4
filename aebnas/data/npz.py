"""Images from one .npz file: x_train, y_train and optionally x_test, y_test.

Must not import torch.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from aebnas.data.dataset import ImageSet
from aebnas.errors import DataError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> tuple[ImageSet, ImageSet | None, tuple[str, ...]]:
    """Return train, test (if the file has it) and the class names "0", "1", ...

    Images are uint8 of shape ``(n, h, w)`` or ``(n, h, w, c)``; labels are whole
    numbers from 0 of shape ``(n,)`` or ``(n, 1)``.

    Raises:
        DataError: Unreadable, pickled, an array missing or of the wrong kind.
    """
    arrays = _load(path)
    train = _image_set(path, arrays, "train")
    has_test = {"x_test", "y_test"} & set(arrays)
    test = _image_set(path, arrays, "test") if has_test else None
    highest = int(train.labels.max(initial=0))
    if highest >= len(train):  # before one name per class is made
        raise DataError(
            f"{path}: y_train holds label {highest}, but {len(train)} images; labels must be 0, 1, 2, ..."
        )
    return train, test, tuple(str(label) for label in range(highest + 1))


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with open(path, "rb") as file:  # numpy leaves a damaged file open if it opens it itself
            content = np.load(file, allow_pickle=False)
            if not isinstance(content, NpzFile):
                raise DataError(
                    f"{path}: one bare array. Save it with numpy.savez(path, x_train=..., y_train=...)."
                )
            return {key: content[key] for key in ARRAYS if key in content}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: missing, damaged, or holds Python objects ({error}). "
            "Expected an .npz of plain arrays: numpy.savez(path, x_train=..., y_train=...)."
        ) from error


def _image_set(path: Path, arrays: dict[str, NDArray[np.generic]], part: str) -> ImageSet:
    for key in (f"x_{part}", f"y_{part}"):
        if key not in arrays:
            raise DataError(f"{path}: array {key!r} is missing; found: {', '.join(sorted(arrays)) or 'none'}")
    images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise DataError(
            f"{path}: x_{part} must be uint8 of shape (n, h, w) or (n, h, w, c), "
            f"but it is {images.dtype} of shape {images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)):
        raise DataError(
            f"{path}: y_{part} must be whole numbers of shape ({len(images)},), "
            f"but it is {labels.dtype} of shape {labels.shape}"
        )
    pixels = np.ascontiguousarray(images if images.ndim == 4 else images[..., None])
    return ImageSet(pixels.astype(np.uint8, copy=False), labels.reshape(-1).astype(np.int64))
