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
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aebnas.config import SearchFile, load, resolved
from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.record import Evaluation, ExitRecord, Outcome
from aebnas.files.atomic import write_atomically
from aebnas.search.arrays import pack_arrays, pack_record, unpack_record
from aebnas.search.run_lock import run_lock

SCHEMA = """
CREATE TABLE IF NOT EXISTS evaluations (
    key TEXT NOT NULL, context TEXT NOT NULL, status TEXT NOT NULL, evaluation TEXT NOT NULL,
    calibrate BLOB, "select" BLOB, finished_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (key, context));
CREATE TABLE IF NOT EXISTS rungs (
    key TEXT NOT NULL, context TEXT NOT NULL, epochs INTEGER NOT NULL, evaluation TEXT NOT NULL,
    calibrate BLOB, "select" BLOB, finished_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (key, context, epochs));
CREATE TABLE IF NOT EXISTS attempts (
    key TEXT NOT NULL, context TEXT NOT NULL,
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE IF NOT EXISTS generations (number INTEGER PRIMARY KEY, summary TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class RunStore:
    """One run's directory."""

    def __init__(self, path: Path) -> None:
        """Open an existing run for reading; ``create`` and ``writing`` make it writable.

        Raises:
            RunError: There is no run in that directory.
        """
        self.path = path
        if not (path / "run.sqlite").is_file():
            raise RunError(f"{path} holds no run. Start one: aebnas search FILE{_nearby(path)}")
        self._database = self._connect()

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
                draft = path / "run.sqlite.new"
                draft.unlink(missing_ok=True)
                database = sqlite3.connect(draft)
                database.executescript(SCHEMA)
                database.close()
                draft.rename(path / "run.sqlite")
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
                self._database.executescript(SCHEMA)  # an older run lacks the younger tables
            yield

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def config(self) -> SearchFile:
        """Return the resolved configuration."""
        try:
            return load(self.path / "config.yaml")
        except ConfigError as error:
            raise RunError(f"{self.path} is damaged: {error}") from error

    @property
    def environment(self) -> dict[str, Any]:
        """Return versions, machine and git state of the run's start."""
        try:
            facts: dict[str, Any] = json.loads((self.path / "environment.json").read_bytes())
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} is damaged: environment.json: {error}") from error
        return facts

    def rewrite_config(self, config: SearchFile) -> None:
        """Replace the resolved configuration (after allowed changes on resume)."""
        with storage_errors(self.path):
            write_atomically(self.path / "config.yaml", resolved(config).encode())

    def start_attempt(self, key: str, context: str) -> None:
        """Note that a training of a candidate begins."""
        self.write("INSERT INTO attempts (key, context) VALUES (?, ?)", (key, context))

    def attempts(self) -> list[tuple[str, str]]:
        """Return ``(key, started_at)`` of every training that began, in order."""
        return [(key, at) for key, at in self.read("SELECT key, started_at FROM attempts ORDER BY rowid")]

    def finished(self) -> list[tuple[str, str]]:
        """Return ``(key, finished_at)`` of every outcome, in order."""
        rows = self.read("SELECT key, finished_at FROM evaluations ORDER BY rowid")
        return [(key, at) for key, at in rows]

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
        row = self.read("SELECT evaluation FROM evaluations WHERE key = ? AND context = ?", (key, context))
        return Evaluation.from_dict(json.loads(row[0][0])) if row else None

    def forget_machine_failures(self) -> None:
        """Delete the failures that another try might not meet, so that one is made."""
        for one in self.evaluations():
            if one.is_machine_failure:
                self.write("DELETE FROM evaluations WHERE key = ?", (one.key,))

    def evaluations(self) -> list[Evaluation]:
        """Return every stored evaluation in the order in which they finished."""
        rows = self.read("SELECT evaluation FROM evaluations ORDER BY rowid")
        return [Evaluation.from_dict(json.loads(text)) for (text,) in rows]

    def count(self) -> int:
        """Return the number of stored evaluations."""
        return int(self.read("SELECT COUNT(*) FROM evaluations")[0][0])

    def exit_records(self, key: str) -> tuple[ExitRecord, ExitRecord] | None:
        """Return what every exit of a finished candidate said on calibrate and on select."""
        rows = self.read(
            'SELECT calibrate, "select" FROM evaluations WHERE key = ? AND calibrate IS NOT NULL', (key,)
        )
        return (unpack_record(rows[0][0]), unpack_record(rows[0][1])) if rows else None

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
        rows = self.read("SELECT summary FROM generations ORDER BY number")
        return [json.loads(text) for (text,) in rows]

    def put_fact(self, name: str, value: object) -> None:
        """Keep one fact about the run, fit for JSON."""
        self.write("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, json.dumps(value)))

    def fact(self, name: str, default: Any = None) -> Any:
        """Return a fact about the run."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else default

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

    def _connect(self) -> sqlite3.Connection:
        file = self.path / "run.sqlite"
        with self._reading():
            if not os.access(self.path, os.W_OK):
                return sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)
            database = sqlite3.connect(file, timeout=30)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
        return database

    def read(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds."""
        with self._reading():
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise RunError(
                f"{self.path / 'run.sqlite'} cannot be read: {error}. "
                "Put a copy of it back, or start a new run: aebnas search FILE --name NEW"
            ) from error

    def write(self, statement: str, values: Sequence[object]) -> None:
        """Execute a statement in a transaction of its own."""
        with storage_errors(self.path), self._database:
            self._database.execute(statement, values)


def refuse_existing(path: Path) -> None:
    """Refuse to start where a run lies already.

    Raises:
        RunError: There is one; with the command that continues it.
    """
    if (path / "run.sqlite").exists():
        run = shlex.quote(str(path))
        raise RunError(f"{path} exists already. Continue it: aebnas resume {run}  (or choose another --name)")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, missing permission or damaged database into a ``RunError`` with its cure."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        what = f"{error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        cure = "When the cause is cured, repeat the command"
        if os.access(path / "run.sqlite", os.F_OK):
            cure = f"Finished candidates are kept; when the cause is cured, continue: aebnas resume {path}"
        raise RunError(f"cannot write to {path}: {what}. {cure}") from error


def _nearby(path: Path) -> str:
    """Return the names of the runs beside a missing one."""
    folder = path.parent
    runs = sorted(p.parent.name for p in folder.glob("*/run.sqlite")) if folder.is_dir() else []
    return f". Runs in {folder}: {', '.join(runs)}" if runs else ""
