"""Unfinished trainings on disk: ``training.pt``, written after every epoch, whole or not at all.

It holds tensors and plain values alone and is read with ``weights_only``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from aebnas.errors import RunError
from aebnas.files.atomic import write_atomically
from aebnas.train.full.training_log import Row
from aebnas.training.checkpoint_callback import Epoch, TrainingState

UNFINISHED_FILE = "training.pt"
Identity = Mapping[str, Any]
"""What decides the weights; fit for JSON."""


@dataclass(frozen=True)
class Unfinished:
    """A training up to some epoch."""

    identity: Identity
    state: TrainingState
    rows: tuple[Row, ...]
    """Of its log."""


@dataclass
class SavingCallback:
    """A callback that writes ``training.pt``."""

    folder: Path
    identity: Identity
    interrupted: Unfinished | None
    """Where an earlier training stopped."""
    note: Callable[[Epoch], Row]
    """Returns the row of an epoch."""
    wrote: Callable[[Row], None]
    """Told a row once its epoch is safe."""
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the rows of the interrupted training."""
        self.rows = list(self.interrupted.rows) if self.interrupted else []

    def recall(self) -> TrainingState | None:
        """Return where the earlier training stopped."""
        return None if self.interrupted is None else self.interrupted.state

    def look(self, epoch: Epoch) -> None:
        """Make the row of an epoch."""
        self.rows.append(self.note(epoch))

    def record(self, epoch: Epoch, state: Callable[[], TrainingState]) -> None:
        """Write the state down, then tell its row."""
        write_atomically(self.folder / UNFINISHED_FILE, _packed(self.identity, state(), self.rows))
        self.wrote(self.rows[-1])


def read_unfinished(folder: Path) -> Unfinished | None:
    """Return an unfinished training; None where there is none.

    Raises:
        RunError: It cannot be read.
    """
    path = folder / UNFINISHED_FILE
    if not path.is_file():
        return None
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        state = TrainingState(**stored["state"])
        return Unfinished(json.loads(stored["identity"]), state, tuple(stored["rows"]))
    except Exception as error:  # what damaged bytes raise in pickle, zip and json has no common class
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path} is damaged: {first}. Train anew with --again") from error


def forget_unfinished(folder: Path) -> None:
    """Delete an unfinished training, if there is one."""
    (folder / UNFINISHED_FILE).unlink(missing_ok=True)


def differences(old: Identity, new: Identity) -> list[str]:
    """Return what differs between two trainings, as ``training.epochs: 27, now 9``."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{name}: {before.get(name)}, now {after.get(name)}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}".lstrip("."))]
    return [(path, value)]


def _packed(identity: Identity, state: TrainingState, rows: list[Row]) -> bytes:
    buffer = io.BytesIO()
    plain = {state_field.name: getattr(state, state_field.name) for state_field in fields(state)}
    torch.save(
        {"identity": json.dumps(identity), "state": plain, "rows": [dict(row) for row in rows]}, buffer
    )
    return buffer.getvalue()
