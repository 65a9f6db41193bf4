"""The .npz container: what its arrays are, read from their headers, and loading some of them.

Must not import torch.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from aebnas.errors import DataError

_NPY_MAGIC = b"\x93NUMPY"
_HEADER_BYTES = 10_000


@dataclass(frozen=True)
class ArrayHeader:
    """What an array says of itself before it is loaded."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int
    """Bytes that it holds in the file, its header left out."""

    @property
    def nbytes(self) -> int:
        """Return the bytes that it takes in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        """Return ``uint8 (60000, 28, 28)``."""
        return f"{self.dtype} {self.shape}"


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """Return the headers of all arrays of a file; nothing else of it is read.

    Raises:
        DataError: Missing, damaged, or no .npz file.
    """
    with _explained_errors(path), open(path, "rb") as file:
        if file.read(len(_NPY_MAGIC)) == _NPY_MAGIC:
            raise DataError(
                f"{path}: one bare array. Save it with numpy.savez(path, x_train=..., y_train=...)."
            )
        with zipfile.ZipFile(file) as archive:
            return {
                member.filename.removesuffix(".npy"): _header(archive, member)
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            }


def load_arrays(
    path: Path, names: Iterable[str], headers: Mapping[str, ArrayHeader]
) -> dict[str, NDArray[Any]]:
    """Return some arrays of a file.

    Raises:
        DataError: Damaged, or they hold Python objects.
    """
    names = list(names)
    for name in names:
        header = headers[name]
        if not header.dtype.hasobject and header.size != header.nbytes:
            raise DataError(
                f"{path}: missing, damaged: array {name!r} says it is {header}, {header.nbytes:,} bytes, but "
                f"{header.size:,} are there. Save it again."
            )
    with (
        _explained_errors(path),
        open(path, "rb") as file,
    ):  # numpy leaves a damaged file open if it opens it itself
        content = np.load(file, allow_pickle=False)
        return {name: content[name] for name in names}


@contextmanager
def _explained_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, KeyError, RuntimeError) as error:
        # RuntimeError: encrypted, or packed by a method that Python does not know
        raise DataError(
            f"{path}: missing, damaged, or holds Python objects ({error}). "
            "Expected an .npz of plain arrays: numpy.savez(path, x_train=..., y_train=...)."
        ) from error


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream, max_header_size=_HEADER_BYTES)
        return ArrayHeader(dtype, shape, member.file_size - stream.tell())
