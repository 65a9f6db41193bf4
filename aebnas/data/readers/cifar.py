"""The binary format of CIFAR-10 and CIFAR-100: label bytes, then three colour planes.

Reads the official archive or its extracted folder.  The binary version needs no
unpickling; members are read in memory, so an archive can write nowhere.

Must not import torch.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from aebnas.data.dataset import Samples, check_labels
from aebnas.errors import DataError

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE


@dataclass(frozen=True)
class CifarLayout:
    """Which files hold what.

    Args:
        train: Names of the training files.
        test: Name of the test file.
        train_records: Records in each training file.
        test_records: Records in the test file.
        label_bytes: Bytes before the pixels; the last is the label (CIFAR-100: coarse, then fine).
        classes: Number of classes.
    """

    train: tuple[str, ...]
    test: str
    train_records: int
    test_records: int
    label_bytes: int
    classes: int

    @property
    def sizes(self) -> dict[str, int]:
        """Exact size of each file in bytes."""
        record = self.label_bytes + _PIXELS
        sizes = dict.fromkeys(self.train, self.train_records * record)
        return sizes | {self.test: self.test_records * record}


CIFAR10 = CifarLayout(
    tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", 10_000, 10_000, 1, 10
)
CIFAR100 = CifarLayout(("train.bin",), "test.bin", 50_000, 10_000, 2, 100)


def read_cifar(paths: Sequence[Path], *, layout: CifarLayout) -> tuple[Samples, Samples]:
    """Return train and test from the one archive or extracted folder in ``paths``.

    Raises:
        DataError: A file is missing or has the wrong size, or a label is out of range.
    """
    (source,) = paths
    files = _from_folder(source, layout) if source.is_dir() else _from_archive(source, layout)
    return _decode(source, files, layout.train, layout), _decode(source, files, (layout.test,), layout)


def _from_folder(folder: Path, layout: CifarLayout) -> dict[str, bytes]:
    files = {}
    for name, size in layout.sizes.items():
        path = folder / name
        try:
            _check_size(path, path.stat().st_size, size)
            files[name] = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{path}: cannot be read ({error.strerror}). Extract the archive again."
            ) from error
    return files


def _from_archive(archive: Path, layout: CifarLayout) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                name = PurePosixPath(member.name).name
                if not member.isfile() or name not in layout.sizes:
                    continue
                _check_size(archive / name, member.size, layout.sizes[name])
                content = members.extractfile(member)
                files[name] = content.read() if content is not None else b""
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{archive}: truncated or not a tar archive ({error}). Fetch it again.") from error
    missing = sorted(set(layout.sizes) - set(files))
    if missing:
        raise DataError(f"{archive}: lacks {', '.join(missing)}; is it the *binary* version of the dataset?")
    return files


def _check_size(path: Path, size: int, expected: int) -> None:
    if size != expected:
        raise DataError(f"{path}: {size} bytes, expected {expected}: truncated, or not the binary version")


def _decode(source: Path, files: dict[str, bytes], names: Sequence[str], layout: CifarLayout) -> Samples:
    records = [
        np.frombuffer(files[name], np.uint8).reshape(-1, layout.label_bytes + _PIXELS) for name in names
    ]
    labels = [part[:, layout.label_bytes - 1] for part in records]
    for name, part in zip(names, labels, strict=True):
        check_labels(part, layout.classes, str(source / name))
    images = np.empty((sum(map(len, records)), _SIDE, _SIDE, 3), np.uint8)
    start = 0
    for part in records:
        planes = part[:, layout.label_bytes :].reshape(-1, 3, _SIDE, _SIDE)
        for channel in range(3):  # plane by plane is three times as fast as one transposed copy
            images[start : start + len(part), :, :, channel] = planes[:, channel]
        start += len(part)
    return Samples(images, np.concatenate(labels).astype(np.int64))
