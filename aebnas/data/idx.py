"""The idx format of MNIST and its kin: a magic number, the sizes, then bytes.

Must not import torch.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aebnas.data.dataset import ImageSet, check_labels
from aebnas.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"


def read_idx_pairs(
    paths: Sequence[Path], *, counts: tuple[int, int], classes: int
) -> tuple[ImageSet, ImageSet]:
    """Return train and test from (train images, train labels, test images, test labels).

    Args:
        paths: The four files, each plain or gzipped.
        counts: Images that train and test must have.
        classes: Number of classes.
    """
    train, test = (
        _read_pair(paths[i], paths[i + 1], count, classes) for i, count in zip((0, 2), counts, strict=True)
    )
    return train, test


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the uint8 array of an idx file, plain or gzipped.

    Raises:
        DataError: Not an idx file of bytes with so many dimensions, or its length is wrong.
    """
    content = _content(path)
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise DataError(
            f"{path}: not an idx file: its magic number is {content[:4].hex()}, expected {magic.hex()}"
        )
    if len(content) < header:
        raise DataError(f"{path}: truncated: {len(content)} bytes, but its header alone needs {header}")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], ">u4"))
    if len(content) - header != math.prod(shape):
        raise DataError(
            f"{path}: truncated or damaged: shape {shape} needs {math.prod(shape)} bytes, "
            f"but it has {len(content) - header}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_pair(images_path: Path, labels_path: Path, count: int, classes: int) -> ImageSet:
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    for path, found in ((images_path, len(images)), (labels_path, len(labels))):
        if found != count:
            raise DataError(f"{path}: {found} records, expected {count}")
    check_labels(labels, classes, str(labels_path))
    return ImageSet(images[..., None], labels.astype(np.int64))


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: truncated or unreadable ({error}). Fetch the file again.") from error
