"""A trained head on disk: a folder with its weights, what it answers, and how it came about.

``weights.safetensors``, ``calibrate.npy`` and ``select.npy`` (fp32 logits ``(n, classes)``), for a head that
others learn from ``train.npy`` ``(views, n, classes)``, and ``record.json`` with the sha256 of each.  A head
that could not be trained is a record with the reason.  The folder takes its place as a whole.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.files import draft
from aebnas.files.atomic import write_together

WEIGHTS, RECORD = "weights.safetensors", "record.json"
SMALLEST_BYTES = 8192
"""Of a head beyond its numbers: headers and record."""


@dataclass(frozen=True, eq=False)
class StoredHead:
    """What a folder holds."""

    record: Mapping[str, Any]
    """Fit for JSON: what the head is, seconds, loss, accuracies; or ``failure``, the reason."""
    logits: Mapping[str, NDArray[np.float32]]
    """By part: ``calibrate``, ``select``, and ``train`` if it was kept."""
    weights: Mapping[str, Tensor]

    @property
    def failure(self) -> str | None:
        """Return why it could not be trained; None: it was."""
        reason = self.record.get("failure")
        return None if reason is None else str(reason)


def read_head(folder: Path) -> StoredHead | None:
    """Return a head; None: it is not there, or damaged."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        contents = {name: (folder / name).read_bytes() for name in record["files"]}
        if any(_checksum(content) != record["files"][name] for name, content in contents.items()):
            return None
        weights = safetensors.torch.load(contents.pop(WEIGHTS)) if WEIGHTS in contents else {}
        logits = {name.removesuffix(".npy"): _array(content) for name, content in contents.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError):
        return None
    return StoredHead(record, logits, weights)


def write_head(folder: Path, head: StoredHead) -> None:
    """Write a head, whole or not at all; one that is there is replaced.

    Raises:
        OSError: It cannot be written.
    """
    contents = {f"{name}.npy": _npy(values) for name, values in head.logits.items()}
    if head.weights:
        contents[WEIGHTS] = safetensors.torch.save(dict(head.weights))
    record = {**head.record, "files": {name: _checksum(content) for name, content in contents.items()}}
    contents[RECORD] = json.dumps(record, indent=1).encode()
    with draft.folder_draft(folder) as place:
        write_together({place / name: content for name, content in contents.items()})
        draft.put(place, folder, replace=True)


def head_bytes(head: StoredHead) -> int:
    """Return what a head takes on disk, about."""
    arrays = sum(values.nbytes for values in head.logits.values())
    return arrays + sum(weight.nbytes for weight in head.weights.values()) + SMALLEST_BYTES


def _npy(values: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _array(content: bytes) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
    return values


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
