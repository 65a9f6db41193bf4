"""Weights and logits of a run's candidates: one file of each in ``checkpoints/``, for those that are kept.

A candidate's files are named after its key and the fidelity at which it left them.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aebnas.errors import RunError
from aebnas.evaluation.record import Outcome
from aebnas.files.atomic import write_atomically
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.location import storage_errors

CHECKPOINTS = "checkpoints"


class ArtefactFolder:
    """The folder with the weights and logits of one run."""

    def __init__(self, run: Path) -> None:
        """Name the folder of a run; it need not be there.

        Args:
            run: The run's directory.
        """
        self._run = run
        self._folder = run / CHECKPOINTS

    def put(self, outcome: Outcome, fidelity: str) -> None:
        """Keep weights and logits of a finished candidate; its row, where there is one, stays as it is.

        Raises:
            RunError: They cannot be written.
        """
        key, artefacts = outcome.evaluation.key, outcome.artefacts
        if artefacts is None:
            return
        logits = {"calibrate": artefacts.calibrate_logits, "select": artefacts.select_logits}
        with storage_errors(self._run):
            write_atomically(self.logits_path(key, fidelity), pack_arrays(logits))
            write_atomically(self.weights_path(key, fidelity), artefacts.weights)

    def weights_path(self, key: str, fidelity: str) -> Path:
        """Return where a candidate's weights lie, if they were kept."""
        return self._folder / f"{step_name(key, fidelity)}.pt"

    def logits_path(self, key: str, fidelity: str) -> Path:
        """Return where a candidate's full logits lie, if they were kept."""
        return self._folder / f"{step_name(key, fidelity)}.npz"

    def weights(self, key: str, fidelity: str) -> bytes | None:
        """Return a candidate's weights; None where they were forgotten.

        Raises:
            RunError: They are there, but cannot be read.
        """
        path = self.weights_path(key, fidelity)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error}") from error

    def has(self, key: str, fidelity: str) -> bool:
        """Return whether a candidate's weights and logits are there."""
        return self.weights_path(key, fidelity).is_file() and self.logits_path(key, fidelity).is_file()

    def kept(self) -> set[tuple[str, str]]:
        """Return ``(key, fidelity)`` of all whose weights or logits are there."""
        names = {file.stem for file in self._folder.iterdir()} if self._folder.is_dir() else set()
        return {(key, fidelity) for key, dash, fidelity in (name.partition("-") for name in names) if dash}

    def forget(self, candidates: Iterable[tuple[str, str]]) -> None:
        """Delete weights and logits of ``(key, fidelity)``; rows stay.

        Raises:
            RunError: They cannot be deleted.
        """
        with storage_errors(self._run):
            for key, fidelity in candidates:
                self.weights_path(key, fidelity).unlink(missing_ok=True)
                self.logits_path(key, fidelity).unlink(missing_ok=True)


def step_name(key: str, fidelity: str) -> str:
    """Return how a candidate's step to a fidelity, and what it left, is called."""
    return f"{key}-{fidelity}"
