"""Run stores: one directory per run, one writer, SQLite in WAL mode.

    runs/NAME/config.yaml        the resolved configuration
    runs/NAME/environment.json   versions, machine, git state
    runs/NAME/labels.npz         labels of calibrate and select, for rescoring
    runs/NAME/run.sqlite         every evaluation, per-exit scores and predictions
    runs/NAME/lock               who writes, or wrote last
    runs/NAME/checkpoints/       weights (KEY.pt) and logits (KEY.npz) of the front, else of nearest misses
    runs/NAME/rungs/             the same of candidates between two rungs (``rung_shelf.py``)

Everything is written before the row that says so, and rows in one transaction:
a kill loses at most the candidates in training.  Must not import torch.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from aebnas.config import SearchFile, resolved
from aebnas.errors import RunError
from aebnas.evaluation.record import Evaluation, ExitRecord, Outcome
from aebnas.files.atomic import write_atomically
from aebnas.search.arrays import numbers_of_labels, pack_arrays, pack_record
from aebnas.search.cells import Cell
from aebnas.search.database import LOGS, SCHEMA, open_database, reading
from aebnas.search.run_lock import run_lock
from aebnas.search.run_places import DATABASE, found_database, refuse_existing
from aebnas.search.settings_file import read_settings
from aebnas.search.stored_schema import ENVIRONMENT
from aebnas.search.stored_values import evaluation_in, fact_in, record_in, summary_in


class RunStore:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        """Open an existing run for reading; ``create`` and ``writing`` make it writable.

        Raises:
            RunError: There is no run in that directory.
        """
        self.path = path
        self._file = found_database(path)
        self._database, self._is_copy = open_database(self._file)

    @classmethod
    def create(cls, path: Path, config: SearchFile, environment: Mapping[str, Any]) -> RunStore:
        """Make a new run directory and return it.

        Raises:
            RunError: There is one already, or it cannot be written.
        """
        refuse_existing(path)
        with storage_errors(path):
            (path / "checkpoints").mkdir(parents=True, exist_ok=True)
            with run_lock(path):
                refuse_existing(path)  # another process may have been faster
                write_atomically(path / "config.yaml", resolved(config).encode())
                write_atomically(path / "environment.json", json.dumps(environment, indent=2).encode())
                # the database appears last and whole: a run without it was never started
                draft = path / f"{DATABASE}.new"
                for ending in ("", *LOGS):  # of a start that was killed
                    draft.with_name(draft.name + ending).unlink(missing_ok=True)
                database = sqlite3.connect(draft)
                database.executescript(SCHEMA)
                database.close()
                draft.rename(path / DATABASE)
        return cls(path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run's write lock; it falls when this process dies.

        Raises:
            RunError: Another process is writing to this run; with its number.
        """
        with ExitStack() as held:
            with storage_errors(self.path):
                held.enter_context(run_lock(self.path))
                self._refuse_copy()
                self._database.executescript(SCHEMA)  # an older run lacks the younger tables
                self._database.execute("BEGIN IMMEDIATE")  # told now, not behind the first training
                self._database.rollback()
            yield

    def _refuse_copy(self) -> None:
        """Refuse to write to what would be forgotten.

        Raises:
            RunError: The database was copied to be read, as it cannot be written in its place.
        """
        if self._is_copy:
            raise RunError(
                f"{self._file} can be read, but not written. Give write permission for it and its folder, or "
                f"copy the whole folder to another place, and continue there: aebnas resume {self.path}"
            )

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def config(self) -> SearchFile:
        """Return the resolved configuration."""
        return read_settings(self.path)

    @cached_property
    def settled(self) -> SearchFile:
        """Return the configuration as it was when it was first read: what no change may concern."""
        return self.config

    @property
    def environment(self) -> dict[str, Any]:
        """Return versions, machine and git state of the run's start."""
        try:
            facts = json.loads((self.path / "environment.json").read_bytes())
            return ENVIRONMENT.validate_python(facts).model_dump(exclude_unset=True)
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path} is damaged: environment.json: {error}") from error

    def rewrite_config(self, config: SearchFile) -> None:
        """Replace the resolved configuration (after allowed changes on resume)."""
        with storage_errors(self.path):
            write_atomically(self.path / "config.yaml", resolved(config).encode())

    def start_attempt(self, key: str, context: str) -> None:
        """Note that a training of a candidate begins."""
        self.write("INSERT INTO attempts (key, context) VALUES (?, ?)", (key, context))

    def attempts(self) -> list[tuple[str, str]]:
        """Return ``(key, started_at)`` of every training that began, in order."""
        return [(key.training(), at.instant()) for key, at in self.cells("attempts", ("key", "started_at"))]

    def finished(self) -> list[tuple[str, str]]:
        """Return ``(key, finished_at)`` of every outcome, in order."""
        return [(key.text(), at.instant()) for key, at in self.cells("evaluations", ("key", "finished_at"))]

    def add(self, outcome: Outcome, context: str) -> None:
        """Keep an outcome: weights and logits first, then its row."""
        evaluation, artefacts = outcome.evaluation, outcome.artefacts
        blobs: tuple[bytes | None, bytes | None] = (None, None)
        if artefacts is not None:
            logits = {"calibrate": artefacts.calibrate_logits, "select": artefacts.select_logits}
            with storage_errors(self.path):
                write_atomically(self.weights_path(evaluation.key), artefacts.weights)
                write_atomically(self.logits_path(evaluation.key), pack_arrays(logits))
            blobs = (pack_record(artefacts.calibrate), pack_record(artefacts.select))
        row = (evaluation.key, context, evaluation.status, json.dumps(evaluation.to_dict()), *blobs)
        self.write(
            'INSERT OR REPLACE INTO evaluations (key, context, status, evaluation, calibrate, "select") '
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def find(self, key: str, context: str) -> Evaluation | None:
        """Return a stored evaluation, failed or done, or None."""
        found = self._evaluations("WHERE key = ? AND context = ?", (key, context))
        return found[0] if found else None

    def forget_machine_failures(self) -> None:
        """Delete the failures that another try might not meet, so that one is made."""
        for one in self.evaluations():
            if one.is_machine_failure:
                self.write("DELETE FROM evaluations WHERE key = ?", (one.key,))

    def evaluations(self) -> list[Evaluation]:
        """Return every stored evaluation in the order in which they finished."""
        return self._evaluations("ORDER BY rowid")

    def _evaluations(self, rest: str, values: Sequence[object] = ()) -> list[Evaluation]:
        found = []
        for key, status, cell in self.cells("evaluations", ("key", "status", "evaluation"), rest, values):
            evaluation = evaluation_in(cell, key.text(), self.settled)
            if status.value != evaluation.status:
                raise status.damaged(f"the evaluation beside it says {evaluation.status!r}")
            found.append(evaluation)
        return found

    def count(self) -> int:
        """Return the number of stored evaluations."""
        return int(self.read("SELECT COUNT(*) FROM evaluations")[0][0])

    def exit_records(self, key: str) -> tuple[ExitRecord, ExitRecord] | None:
        """Return what every exit of a finished candidate said on calibrate and on select."""
        columns = ("evaluation", "calibrate", "select")
        for evaluation, *blobs in self.cells("evaluations", columns, "WHERE key = ?", (key,)):
            if not all(cell.is_empty for cell in blobs):
                exits = len(evaluation_in(evaluation, key, self.settled).reach_macs)
                numbers = numbers_of_labels(self.path)
                return record_in(blobs[0], exits, numbers[0]), record_in(blobs[1], exits, numbers[1])
        return None

    def put_generation(self, number: int, summary: Mapping[str, Any]) -> None:
        """Keep the summary of a generation.

        Where another one stood in its place, later ones belong to a course that the search no
        longer takes; they go.
        """
        text = json.dumps(summary)
        before = self.read("SELECT summary FROM generations WHERE number = ?", (number,))
        if before and before[0][0] != text:
            self.forget_generations_after(number)
        self.write("INSERT OR REPLACE INTO generations (number, summary) VALUES (?, ?)", (number, text))

    def forget_generations_after(self, number: int) -> None:
        """Delete the summaries of later generations; evaluations stay."""
        self.write("DELETE FROM generations WHERE number > ?", (number,))

    def generations(self) -> list[dict[str, Any]]:
        """Return the summaries of all finished generations in order."""
        rows = self.cells("generations", ("number", "summary"), "ORDER BY number")
        return [summary_in(summary, number.integer(), self.settled) for number, summary in rows]

    def put_fact(self, name: str, value: object) -> None:
        """Keep one fact about the run, fit for JSON."""
        self.write("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, json.dumps(value)))

    def fact(self, name: str, default: Any = None) -> Any:
        """Return a fact about the run."""
        rows = self.cells("facts", ("value",), "WHERE name = ?", (name,))
        return fact_in(rows[0][0], name) if rows else default

    def weights_path(self, key: str) -> Path:
        """Return where a candidate's weights lie, if they were kept."""
        return self.path / "checkpoints" / f"{key}.pt"

    def logits_path(self, key: str) -> Path:
        """Return where a candidate's full logits lie, if they were kept."""
        return self.path / "checkpoints" / f"{key}.npz"

    def forget_artefacts(self, keys: Iterable[str]) -> None:
        """Delete weights and logits of candidates that are not worth them."""
        with storage_errors(self.path):
            for key in keys:
                self.weights_path(key).unlink(missing_ok=True)
                self.logits_path(key).unlink(missing_ok=True)

    def read(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds."""
        with reading(self._file):
            return self._database.execute(statement, values).fetchall()

    def cells(
        self, table: str, columns: Sequence[str], rest: str = "ORDER BY rowid", values: Sequence[object] = ()
    ) -> list[tuple[Cell, ...]]:
        """Return the cells of some columns of every row of a table.

        Args:
            table: Its name.
            columns: Names.
            rest: Of the statement: which rows, and in which order.
            values: Of its question marks.
        """
        names = ", ".join(f'"{column}"' for column in columns)
        rows = self.read(f"SELECT rowid, {names} FROM {table} {rest}", values)
        return [
            tuple(Cell(self._file, table, row, *pair) for pair in zip(columns, cells, strict=True))
            for row, *cells in rows
        ]

    def write(self, statement: str, values: Sequence[object]) -> None:
        """Execute a statement in a transaction of its own."""
        with storage_errors(self.path), self._database:
            self._database.execute(statement, values)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, missing permission or damaged database into a ``RunError`` with its cure."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        what = f"{error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        cure = "When the cause is cured, repeat the command"
        if os.access(path / DATABASE, os.F_OK):
            cure = f"Finished candidates are kept; when the cause is cured, continue: aebnas resume {path}"
        raise RunError(f"cannot write to {path}: {what}. {cure}") from error
