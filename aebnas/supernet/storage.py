"""Supernets on disk: safetensors, with what they were trained for.

``weights.NAME`` are the shared tensors by slot, type and parameter name, as networks are
extracted from them.  An unfinished training adds ``state.*``: what it needs to go
on exactly.  The header holds the metadata, the step and the last loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from aebnas.errors import RunError
from aebnas.files.atomic import draft_of
from aebnas.supernet.identity import named_differences, space_hash

ANEW = "Train one for this file: aebnas supernet FILE --name NEW"
FORMAT = "1"
"""Raised when a reader of the old files would go wrong."""


@dataclass(frozen=True, eq=False)
class StoredSupernet:
    """A supernet, trained or half trained."""

    metadata: Mapping[str, Any]
    """What it was trained for, of ``supernet_metadata``."""
    step: int
    steps: int
    """Of the whole training."""
    weights: Mapping[str, Tensor]
    """Shared tensors by name; of a finished one those to extract from."""
    state: Mapping[str, Tensor] = field(default_factory=dict)
    """What the optimizer keeps and averages, by name, of an unfinished one."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """How the training went until then, fit for JSON: see ``training_loop``."""

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights as they travel to workers; they share memory."""
        return {name: weight.numpy() for name, weight in self.weights.items()}

    @property
    def is_finished(self) -> bool:
        """Return whether the training came to its end."""
        return self.step >= self.steps


def supernet_file(run: Path) -> Path:
    """Return where a run directory holds its supernet."""
    return run / "supernet" / "supernet.safetensors"


def save_supernet(path: Path, stored: StoredSupernet) -> None:
    """Write a supernet, whole or not at all.

    Raises:
        RunError: The file cannot be written.
    """
    tensors = {f"weights.{name}": tensor.detach().cpu().clone() for name, tensor in stored.weights.items()}
    tensors |= {f"state.{name}": tensor.detach().cpu().clone() for name, tensor in stored.state.items()}
    header = {
        "format": FORMAT,
        "metadata": json.dumps(dict(stored.metadata)),
        "space_hash": space_hash(stored.metadata),
        "step": str(stored.step),
        "steps": str(stored.steps),
        "record": json.dumps(dict(stored.record)),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(path) as draft:
            draft.unlink(missing_ok=True)
            draft.touch()
            readable = draft.stat().st_mode  # as the umask says; safetensors lets the owner alone read
            save_file(tensors, draft, header)
            draft.chmod(readable)
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError(f"cannot write the supernet {path}: {error}") from error


def load_supernet(path: Path) -> StoredSupernet:
    """Read a supernet.

    Raises:
        RunError: The file is missing, damaged or of a newer AEBNAS.
    """
    with _opened(path) as file:
        header = file.metadata() or {}
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata, step, steps, record = _read_header(path, header)
    parts: dict[str, dict[str, Tensor]] = {"weights": {}, "state": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    return StoredSupernet(metadata, step, steps, parts["weights"], parts["state"], record)


def stored_metadata(path: Path) -> tuple[dict[str, Any], bool]:
    """Return what a file was trained for and whether it is finished, from its header alone.

    Raises:
        RunError: The file is missing, damaged or of a newer AEBNAS.
    """
    metadata, step, steps, _ = _stored_header(path)
    return metadata, step >= steps


def stored_steps(path: Path) -> tuple[int, int]:
    """Return how many steps of how many a file is trained for, from its header alone.

    Raises:
        RunError: As of ``stored_metadata``.
    """
    _, step, steps, _ = _stored_header(path)
    return step, steps


def check_metadata(
    path: Path, stored: Mapping[str, Any], required: Mapping[str, Any], cure: str = ANEW
) -> None:
    """Refuse a supernet that was trained for something else, unless only for a larger space.

    Args:
        path: Its file.
        stored: What it was trained for.
        required: What is to inherit from it.
        cure: What helps, as the last sentence of the error.

    Raises:
        RunError: Space, data or settings differ; with the difference.
    """
    difference = named_differences(stored, required)
    if difference:
        raise RunError(
            f"{path} is the supernet of another space, other data or other settings: {difference}. {cure}"
        )


def into(target: Mapping[str, Tensor], source: Mapping[str, Tensor], path: Path | str) -> None:
    """Copy stored tensors over the live ones of the same names.

    Raises:
        RunError: Names or shapes differ.
    """
    if target.keys() != source.keys() or any(target[n].shape != source[n].shape for n in target):
        raise RunError(
            f"{path} was written by another version of AEBNAS: its weights have other names or shapes. "
            "Train it again: delete the file"
        )
    with torch.no_grad():
        for name, tensor in target.items():
            tensor.copy_(source[name])


def _stored_header(path: Path) -> tuple[dict[str, Any], int, int, dict[str, Any]]:
    with _opened(path) as file:
        header = file.metadata() or {}
    return _read_header(path, header)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            yield file
    except FileNotFoundError as error:
        raise RunError(f"there is no supernet {path}") from error
    except (OSError, safetensors.SafetensorError) as error:
        raise RunError(f"{path} is no readable supernet: {error}. Train it again: delete the file") from error


def _read_header(path: Path, header: Mapping[str, str]) -> tuple[dict[str, Any], int, int, dict[str, Any]]:
    if header.get("format") != FORMAT:
        raise RunError(
            f"{path} has format {header.get('format', 'none')}, but this AEBNAS reads {FORMAT}. "
            "Train it again: delete the file"
        )
    try:
        metadata, record = json.loads(header["metadata"]), json.loads(header["record"])
        return metadata, int(header["step"]), int(header["steps"]), record
    except (KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged: its header lacks {error}; train it again") from error
