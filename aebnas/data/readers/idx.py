"""The idx format of MNIST and its kin: a magic number, the sizes, then bytes.

Must not import torch.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aebnas.data.checks.memory import check_fits
from aebnas.data.dataset import Samples, check_labels
from aebnas.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"


def read_idx_pairs(
    paths: Sequence[Path], *, counts: tuple[int, int], classes: int
) -> tuple[Samples, Samples]:
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
    header = 4 + 4 * dimensions
    magic = bytes([0, 0, 8, dimensions])
    with _explained_errors(path), _opened(path) as file:
        start = file.read(header)
        if start[:4] != magic:
            raise DataError(
                f"{path}: not an idx file: its magic number is {start[:4].hex()}, expected {magic.hex()}"
            )
        if len(start) < header:
            raise DataError(f"{path}: truncated: {len(start)} bytes, but its header alone needs {header}")
        shape = tuple(int(size) for size in np.frombuffer(start[4:], ">u4"))
        size = math.prod(shape)
        check_fits(f"{path}: its shape {shape}", size, "Fetch the file again, if that is not what it holds.")
        content = file.read(size + 1)  # never more, however much is packed into it
    if len(content) != size:
        more = "more" if len(content) > size else f"{len(content)}"
        raise DataError(f"{path}: truncated or damaged: shape {shape} needs {size} bytes, but it has {more}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_pair(images_path: Path, labels_path: Path, count: int, classes: int) -> Samples:
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    for path, records in ((images_path, len(images)), (labels_path, len(labels))):
        if records != count:
            raise DataError(f"{path}: {records} records, expected {count}")
    check_labels(labels, classes, str(labels_path))
    return Samples(images[..., None], labels.astype(np.int64))


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    with open(path, "rb") as file:
        is_packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path, "rb") if is_packed else open(path, "rb")


@contextmanager
def _explained_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, OverflowError, zlib.error) as error:
        raise DataError(f"{path}: truncated or unreadable ({error}). Fetch the file again.") from error
