"""The cropped-digit .mat files of SVHN.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aebnas.data.dataset import Samples, check_labels
from aebnas.errors import DataError


def read_svhn(paths: Sequence[Path], *, counts: tuple[int, int]) -> tuple[Samples, Samples]:
    """Return train and test from ``train_32x32.mat`` and ``test_32x32.mat``.

    Args:
        paths: The two files, train first.
        counts: Images that train and test must have.
    """
    train, test = (_read(path, count) for path, count in zip(paths, counts, strict=True))
    return train, test


def _read(path: Path, count: int) -> Samples:
    images, labels = _load(path)
    if images.dtype != np.uint8 or images.shape != (32, 32, 3, count):
        raise DataError(
            f"{path}: X must be uint8 of shape (32, 32, 3, {count}), "
            f"but it is {images.dtype} of shape {images.shape}"
        )
    if labels.size != count:
        raise DataError(f"{path}: {labels.size} labels y, expected {count}")
    digits = labels.reshape(-1).astype(np.int64)
    digits[digits == 10] = 0  # the files call the digit 0 "10"
    check_labels(digits, 10, str(path))
    return Samples(np.ascontiguousarray(images.transpose(3, 0, 1, 2)), digits)


def _load(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    from scipy.io import loadmat  # 0.2 s: only where it is needed

    try:
        content = loadmat(path, variable_names=("X", "y"))
        return content["X"], content["y"]
    except KeyError as error:
        raise DataError(f"{path}: has no array {error}; expected X and y") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever the reader says of damaged bytes
        raise DataError(f"{path}: truncated or not a MATLAB 5 file ({error}). Fetch it again.") from error
