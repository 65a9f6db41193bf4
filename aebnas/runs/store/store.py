"""Run stores: one directory per run, one writer, SQLite in WAL mode.

    runs/NAME/config.yaml        the resolved configuration
    runs/NAME/environment.json   versions, machine, git state
    runs/NAME/labels.npz         labels of calibrate and select, for rescoring
    runs/NAME/run.sqlite         every evaluation, per-exit scores and predictions
    runs/NAME/lock               who writes, or wrote last
    runs/NAME/checkpoints/       weights (KEY-FIDELITY.pt) and logits (.npz) of the front, else of nearest
                                 misses, and of those that were trained further in the end

Evaluations are filed under (architecture, fidelity); none is ever overwritten.

Everything is written before the row that says so, and rows in one transaction:
a kill loses at most the candidates in training.  Must not import torch.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from aebnas.config import SearchFile, resolved
from aebnas.errors import RunError
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Evaluation, ExitRecord, Outcome
from aebnas.extensions.consent import look_in, without_code
from aebnas.files.atomic import write_atomically
from aebnas.files.lock import run_lock
from aebnas.runs.fidelity_status import current_evaluations
from aebnas.runs.status import RunStatus
from aebnas.runs.store.arrays import numbers_of_labels, pack_record
from aebnas.runs.store.artefacts import CHECKPOINTS, ArtefactFolder, step_name
from aebnas.runs.store.cells import Cell
from aebnas.runs.store.database import LOGS, SCHEMA, open_database, reading
from aebnas.runs.store.location import DATABASE, found_database, refuse_existing, storage_errors
from aebnas.runs.store.settings_file import read_settings
from aebnas.runs.store.stored_schema import ENVIRONMENT
from aebnas.runs.store.stored_values import evaluation_in, metadata_in, record_in, summary_in


class RunStore:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        """Open an existing run for reading; ``create`` and ``writing`` make it writable.

        Raises:
            RunError: There is no run in that directory.
        """
        self.path = path
        self.artefacts = ArtefactFolder(path)
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
            (path / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
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
        with without_code():
            config = self.config
        if config.code_folder is not None:
            look_in(config.code_folder)  # where code is allowed, its policies are read with it
        return config

    @property
    def environment(self) -> dict[str, Any]:
        """Return versions, machine and git state of the run's start."""
        try:
            metadata = json.loads((self.path / "environment.json").read_bytes())
            return ENVIRONMENT.validate_python(metadata).model_dump(exclude_unset=True)
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path} is damaged: environment.json: {error}") from error

    def rewrite_config(self, config: SearchFile) -> None:
        """Replace the resolved configuration (after allowed changes on resume)."""
        with storage_errors(self.path):
            write_atomically(self.path / "config.yaml", resolved(config).encode())

    def start_attempt(self, key: str, context: str, fidelity: str) -> None:
        """Note that a candidate's step to a fidelity begins."""
        self.write("INSERT INTO attempts (key, context, fidelity) VALUES (?, ?, ?)", (key, context, fidelity))

    def attempts(self) -> list[tuple[str, str]]:
        """Return name, as of ``step_name``, and start of every step that began, in order."""
        rows = self.cells("attempts", ("key", "fidelity", "started_at"))
        return [(step_name(key.key(), fidelity.fidelity()), at.instant()) for key, fidelity, at in rows]

    def finished(self) -> list[tuple[str, str]]:
        """Return name and end of every step that was stored, in order."""
        rows = self.cells("evaluations", ("key", "fidelity", "finished_at"))
        return [(step_name(key.key(), fidelity.fidelity()), at.instant()) for key, fidelity, at in rows]

    def add(self, outcome: Outcome, context: str) -> None:
        """Keep an outcome: weights and logits first, then its row."""
        evaluation, artefacts = outcome.evaluation, outcome.artefacts
        blobs: tuple[bytes | None, bytes | None] = (None, None)
        if artefacts is not None:
            self.artefacts.put(outcome, evaluation.fidelity)
            blobs = (pack_record(artefacts.calibrate), pack_record(artefacts.select))
        row = (evaluation.key, context, evaluation.fidelity, json.dumps(evaluation.to_dict()), *blobs)
        self.write(
            'INSERT INTO evaluations (key, context, fidelity, evaluation, calibrate, "select") '
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def find(self, key: str, context: str, fidelity: str) -> Evaluation | None:
        """Return what a candidate is at a fidelity, or why it failed there; None: it was not there."""
        matches = self._filed("WHERE key = ? AND context = ? AND fidelity = ?", (key, context, fidelity))
        return matches[0] if matches else None

    def forget_machine_failures(self) -> None:
        """Delete the failures that another try might not meet, so that one is made."""
        for evaluation in self.filed():
            if evaluation.is_machine_failure:
                values = (evaluation.key, evaluation.fidelity)
                self.write("DELETE FROM evaluations WHERE key = ? AND fidelity = ?", values)

    def filed(self) -> list[Evaluation]:
        """Return all that is filed, every candidate at every fidelity, in the order in which it was."""
        return self._filed("ORDER BY rowid")

    def evaluations(self) -> list[Evaluation]:
        """Return the evaluation that every candidate counts with, in the order of their first ones."""
        return current_evaluations(plan_of(self.config), self.filed(), self.generations())

    def _filed(self, rest: str, values: Sequence[object] = ()) -> list[Evaluation]:
        evaluations = []
        columns = ("key", "fidelity", "evaluation")
        for key, fidelity, cell in self.cells("evaluations", columns, rest, values):
            evaluation = evaluation_in(cell, key.text(), self.settled)
            if fidelity.value != evaluation.fidelity:
                raise fidelity.damaged(f"the evaluation beside it says {evaluation.fidelity!r}")
            evaluations.append(evaluation)
        return evaluations

    def count(self) -> int:
        """Return the number of candidates that were evaluated."""
        return int(self.read("SELECT COUNT(DISTINCT key) FROM evaluations")[0][0])

    def exit_records(self, key: str, fidelity: str) -> tuple[ExitRecord, ExitRecord] | None:
        """Return what every exit of a finished candidate said on calibrate and on select."""
        columns, where = ("evaluation", "calibrate", "select"), "WHERE key = ? AND fidelity = ?"
        for evaluation, *blobs in self.cells("evaluations", columns, where, (key, fidelity)):
            if not all(cell.is_empty for cell in blobs):
                exits = len(evaluation_in(evaluation, key, self.settled).reach_macs)
                numbers = numbers_of_labels(self.path)
                return record_in(blobs[0], exits, numbers[0]), record_in(blobs[1], exits, numbers[1])
        return None

    def put_generation(self, number: int, summary: Mapping[str, Any]) -> None:
        """Keep the summary of a generation.

        Where another one stood in its place, later ones belong to a path that the search no
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

    def put_metadata(self, name: str, value: object) -> None:
        """Keep one fact about the run, fit for JSON."""
        self.write("INSERT OR REPLACE INTO metadata (name, value) VALUES (?, ?)", (name, json.dumps(value)))

    def put_status(self, status: RunStatus, message: str = "") -> None:
        """Keep how far the search is, and the error that stopped it."""
        self.put_metadata("stopped_by", message)
        self.put_metadata("status", status)

    def metadata(self, name: str, default: Any = None) -> Any:
        """Return a fact about the run."""
        rows = self.cells("metadata", ("value",), "WHERE name = ?", (name,))
        return metadata_in(rows[0][0], name) if rows else default

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
