"""Arrays in the run store: compressed ``.npz`` without pickles.

Must not import torch.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.errors import RunError
from aebnas.evaluation.record import ExitRecord

PREDICTIONS = "predictions"


def pack_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a compressed ``.npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_labels(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the labels of calibrate and of select from a run's directory.

    Raises:
        RunError: They are missing or damaged.
    """
    return _both_splits(path / "labels.npz", "iu", 1)


def numbers_of_labels(path: Path) -> tuple[int, int] | tuple[None, None]:
    """Return the number of images of calibrate and of select; None where the labels cannot be read."""
    try:
        calibrate, select = read_labels(path)
    except RunError:
        return None, None
    return len(calibrate), len(select)


def read_logits(file: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a candidate's logits on calibrate and on select, ``(N, E, K)``.

    Raises:
        RunError: They are missing or damaged.
    """
    return _both_splits(file, "f", 3)


def _both_splits(file: Path, kind: str, axes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the arrays ``calibrate`` and ``select`` of a file.

    Args:
        file: The file.
        kind: Of numbers, as numpy's ``dtype.kind``; any of the letters.
        axes: Of each array.
    """
    cure = "Put a copy of it back"
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            splits = arrays["calibrate"], arrays["select"]
    except Exception as error:  # what damaged bytes raise in zip, zlib and numpy has no common class
        raise RunError(f"{file} cannot be read ({type(error).__name__}: {error}). {cure}") from error
    for array in splits:
        if array.dtype.kind not in kind or array.ndim != axes or not array.size:
            raise RunError(f"{file} is damaged: it holds {array.dtype} of shape {array.shape}. {cure}")
    return splits


def pack_record(record: ExitRecord) -> bytes:
    """Return a record's scores and predictions, classes in 8 bits where they fit."""
    classes = record.predictions
    small = classes.astype(np.uint8) if classes.max(initial=0) < 256 else classes
    return pack_arrays({PREDICTIONS: small, **record.scores})


def unpack_record(blob: bytes) -> ExitRecord:
    """Return what ``pack_record`` packed."""
    with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
        scores = {name: arrays[name] for name in arrays.files if name != PREDICTIONS}
        return ExitRecord(scores, arrays[PREDICTIONS])
