"""What candidates were before they were trained further: part of a run store.

At the rungs of successive halving; as heirs, and behind the training of a finale.

    run.sqlite, table rungs      every evaluation of every rung
    rungs/KEY-EPOCHS.pt          weights that the next leg begins with
    rungs/KEY-EPOCHS.npz         full logits

Rows stay, so that a replay compares and promotes as the search did.  What is large
(weights, logits, scores) goes once its generation is told; whatever misses it later
trains it again, to the same result.  Must not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from aebnas.errors import RunError
from aebnas.evaluation.record import Artefacts, Evaluation, Outcome
from aebnas.files.atomic import write_atomically
from aebnas.search.arrays import pack_arrays, pack_record, read_logits
from aebnas.search.store import RunStore, storage_errors
from aebnas.search.stored_values import evaluation_in, record_in

HEIR = 0
"""Epochs under which an heir stands whose place in the store a finalist took."""


def leg_name(key: str, epochs: int) -> str:
    """Return the name of the part of a candidate's training that ends at a rung."""
    return f"{key}-{epochs}"


class RungShelf:
    """The rungs of one run."""

    def __init__(self, store: RunStore) -> None:
        """Read and write what lies in a run's store."""
        self._store = store
        self._folder = store.path / "rungs"

    def add(self, outcome: Outcome, context: str) -> None:
        """Keep what a candidate is after ``outcome.evaluation.epochs``: files first, then its row."""
        evaluation, artefacts = outcome.evaluation, outcome.artefacts
        blobs: tuple[bytes | None, bytes | None] = (None, None)
        if artefacts is not None:
            weights, logits = self._files(evaluation.key, evaluation.epochs or 0)
            arrays = {"calibrate": artefacts.calibrate_logits, "select": artefacts.select_logits}
            with storage_errors(self._store.path):
                self._folder.mkdir(exist_ok=True)
                write_atomically(weights, artefacts.weights)
                write_atomically(logits, pack_arrays(arrays))
            blobs = (pack_record(artefacts.calibrate), pack_record(artefacts.select))
        row = (evaluation.key, context, evaluation.epochs, json.dumps(evaluation.to_dict()), *blobs)
        self._store.write(
            'INSERT OR REPLACE INTO rungs (key, context, epochs, evaluation, calibrate, "select") '
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def find(self, key: str, context: str, epochs: int) -> Evaluation | None:
        """Return what a candidate was, or why it failed, at a rung; None: it was not there."""
        found = self._rungs("WHERE key = ? AND context = ? AND epochs = ?", (key, context, epochs))
        return found[0][1] if found else None

    def weights(self, key: str, epochs: int) -> bytes | None:
        """Return a candidate's weights at a rung; None where they were forgotten."""
        path = self._files(key, epochs)[0]
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error}") from error

    def artefacts(self, key: str, context: str, epochs: int) -> Artefacts | None:
        """Return everything that a candidate's training left at a rung; None where it was forgotten."""
        weights, logits = self.weights(key, epochs), self._files(key, epochs)[1]
        where = "WHERE key = ? AND context = ? AND epochs = ?"
        columns = ("evaluation", "calibrate", "select")
        rows = self._store.cells("rungs", columns, where, (key, context, epochs))
        stored = [row for row in rows if not all(cell.is_empty for cell in row[1:])]
        if weights is None or not stored or not logits.exists():
            return None
        evaluation, *blobs = stored[0]
        exits = len(evaluation_in(evaluation, key, self._store.settled).reach_macs)
        calibrate, select = (record_in(cell, exits) for cell in blobs)
        return Artefacts(calibrate, select, *read_logits(logits), weights)

    def forget_artefacts(self, legs: Iterable[tuple[str, int]]) -> None:
        """Delete weights, logits and scores of ``(key, epochs)``; their rows stay."""
        with storage_errors(self._store.path):
            for key, epochs in legs:
                for file in self._files(key, epochs):
                    file.unlink(missing_ok=True)
                self._store.write(
                    'UPDATE rungs SET calibrate = NULL, "select" = NULL '
                    "WHERE key = ? AND epochs = ? AND calibrate IS NOT NULL",
                    (key, epochs),
                )

    def keep_heir(self, key: str, context: str) -> None:
        """Keep what the store says of an heir, before what it is trained to takes its place."""
        self._store.write(
            "INSERT OR IGNORE INTO rungs (key, context, epochs, evaluation, finished_at) "
            "SELECT key, context, ?, evaluation, finished_at FROM evaluations WHERE key = ? AND context = ?",
            (HEIR, key, context),
        )

    def heir(self, key: str, context: str) -> Evaluation | None:
        """Return what a finalist was as an heir; None: it is no finalist."""
        return self.find(key, context, HEIR)

    def heir_keys(self, context: str) -> set[str]:
        """Return who is a finalist."""
        if not self._is_there():
            return set()
        rows = self._store.cells("rungs", ("key",), "WHERE context = ? AND epochs = ?", (context, HEIR))
        return {key.text() for (key,) in rows}

    def heirs(self) -> dict[str, Evaluation]:
        """Return what all finalists were as heirs, by key."""
        return {heir.key: heir for _, heir, _ in self._rungs("WHERE epochs = ?", (HEIR,))}

    def put_back(self, outcome: Outcome, context: str) -> None:
        """Put an heir in its place in the store again, as of the time at which it finished first."""
        key = outcome.evaluation.key
        known = self._store.read(
            "SELECT finished_at FROM rungs WHERE key = ? AND context = ? AND epochs = ? UNION ALL "
            "SELECT finished_at FROM evaluations WHERE key = ? AND context = ?",
            (key, context, HEIR, key, context),
        )
        self._add(outcome, context, known)
        statement = "DELETE FROM rungs WHERE key = ? AND context = ? AND epochs = ?"
        self._store.write(statement, (key, context, HEIR))

    def refill(self, outcome: Outcome, context: str) -> None:
        """Give a candidate of the store its artefacts again, as of the time at which it finished first."""
        statement = "SELECT finished_at FROM evaluations WHERE key = ? AND context = ?"
        self._add(outcome, context, self._store.read(statement, (outcome.evaluation.key, context)))

    def _add(self, outcome: Outcome, context: str, finished: Sequence[tuple[Any, ...]]) -> None:
        """Put a candidate in the store, as of the first of these times."""
        self._store.add(outcome, context)
        for (at,) in finished[:1]:
            update = "UPDATE evaluations SET finished_at = ? WHERE key = ? AND context = ?"
            self._store.write(update, (at, outcome.evaluation.key, context))

    def clear(self) -> None:
        """Delete all weights, logits and scores; rows stay."""
        if self._folder.is_dir():
            with storage_errors(self._store.path):
                for file in self._folder.iterdir():
                    file.unlink(missing_ok=True)
        self._store.write(
            'UPDATE rungs SET calibrate = NULL, "select" = NULL WHERE calibrate IS NOT NULL', ()
        )

    def forget_machine_failures(self) -> None:
        """Delete the rungs at which another try might not fail."""
        for one in self._all():
            if one.is_machine_failure:
                self._store.write("DELETE FROM rungs WHERE key = ? AND epochs = ?", (one.key, one.epochs))

    def legs(self) -> list[tuple[str, Evaluation, str]]:
        """Return every finished leg: its name, what came of it (its own time alone), and when.

        That of an heir is the whole of its evaluation, under its key.
        """
        found = self._rungs("ORDER BY rowid")
        return [(leg_name(one.key, n) if n != HEIR else one.key, one, at) for n, one, at in found]

    def _rungs(self, rest: str, values: Sequence[object] = ()) -> list[tuple[int, Evaluation, str]]:
        """Return epochs, evaluation and time of the rows that a statement ends at."""
        if not self._is_there():
            return []
        columns = ("key", "epochs", "evaluation", "finished_at")
        found = []
        for key, epochs, cell, at in self._store.cells("rungs", columns, rest, values):
            evaluation = evaluation_in(cell, key.text(), self._store.settled)
            if epochs.integer() not in (HEIR, evaluation.epochs):
                raise epochs.damaged(f"the evaluation beside it says {evaluation.epochs}")
            found.append((epochs.integer(), evaluation, at.instant()))
        return found

    def _is_there(self) -> bool:
        """Return whether the store has rungs; those of earlier versions have none."""
        return bool(self._store.read("SELECT 1 FROM sqlite_master WHERE name = 'rungs'"))

    def _all(self) -> list[Evaluation]:
        return [one for _, one, _ in self.legs()]

    def _files(self, key: str, epochs: int) -> tuple[Path, Path]:
        name = leg_name(key, epochs)
        return self._folder / f"{name}.pt", self._folder / f"{name}.npz"
