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
import os
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aebnas.config import SearchFile, load, resolved
from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Evaluation, ExitRecord, Outcome
from aebnas.search.arrays import pack_arrays, pack_record, unpack_record
from aebnas.search.run_lock import run_lock
from aebnas.search.standing import standing

SCHEMA = """
CREATE TABLE evaluations (
    key TEXT NOT NULL, context TEXT NOT NULL, fidelity TEXT NOT NULL, evaluation TEXT NOT NULL,
    calibrate BLOB, "select" BLOB, finished_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (key, context, fidelity));
CREATE TABLE attempts (
    key TEXT NOT NULL, context TEXT NOT NULL, fidelity TEXT NOT NULL,
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE generations (number INTEGER PRIMARY KEY, summary TEXT NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class RunStatus(StrEnum):
    """How far a search is."""

    RUNNING = "running"
    """Or killed."""
    INTERRUPTED = "interrupted"
    """By a person."""
    STOPPED = "stopped"
    """By an error: the fact ``stopped_by`` says which."""
    FINISHED = "finished"


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
            facts: dict[str, Any] = json.loads((self.path / "environment.json").read_text())
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} is damaged: environment.json: {error}") from error
        return facts

    def rewrite_config(self, config: SearchFile) -> None:
        """Replace the resolved configuration (after allowed changes on resume)."""
        with storage_errors(self.path):
            write_atomically(self.path / "config.yaml", resolved(config).encode())

    def start_attempt(self, key: str, context: str, fidelity: str) -> None:
        """Note that a candidate's step to a fidelity begins."""
        self.write("INSERT INTO attempts (key, context, fidelity) VALUES (?, ?, ?)", (key, context, fidelity))

    def attempts(self) -> list[tuple[str, str]]:
        """Return name, as of ``step_name``, and start of every step that began, in order."""
        rows = self.read("SELECT key, fidelity, started_at FROM attempts ORDER BY rowid")
        return [(step_name(key, fidelity), at) for key, fidelity, at in rows]

    def finished(self) -> list[tuple[str, str]]:
        """Return name and end of every step that was stored, in order."""
        rows = self.read("SELECT key, fidelity, finished_at FROM evaluations ORDER BY rowid")
        return [(step_name(key, fidelity), at) for key, fidelity, at in rows]

    def add(self, outcome: Outcome, context: str) -> None:
        """Keep an outcome: weights and logits first, then its row."""
        evaluation, artefacts = outcome.evaluation, outcome.artefacts
        blobs: tuple[bytes | None, bytes | None] = (None, None)
        if artefacts is not None:
            self.put_artefacts(outcome, evaluation.fidelity)
            blobs = (pack_record(artefacts.calibrate), pack_record(artefacts.select))
        row = (evaluation.key, context, evaluation.fidelity, json.dumps(evaluation.to_dict()), *blobs)
        self.write(
            'INSERT INTO evaluations (key, context, fidelity, evaluation, calibrate, "select") '
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def put_artefacts(self, outcome: Outcome, fidelity: str) -> None:
        """Keep weights and logits of a finished candidate; its row, where there is one, stays as it is."""
        key, artefacts = outcome.evaluation.key, outcome.artefacts
        if artefacts is None:
            return
        logits = {"calibrate": artefacts.calibrate_logits, "select": artefacts.select_logits}
        with storage_errors(self.path):
            write_atomically(self.logits_path(key, fidelity), pack_arrays(logits))
            write_atomically(self.weights_path(key, fidelity), artefacts.weights)

    def find(self, key: str, context: str, fidelity: str) -> Evaluation | None:
        """Return what a candidate is at a fidelity, or why it failed there; None: it was not there."""
        rows = self.read(
            "SELECT evaluation FROM evaluations WHERE key = ? AND context = ? AND fidelity = ?",
            (key, context, fidelity),
        )
        return Evaluation.from_dict(json.loads(rows[0][0])) if rows else None

    def forget_machine_failures(self) -> None:
        """Delete the failures that another try might not meet, so that one is made."""
        for one in self.filed():
            if one.is_machine_failure:
                values = (one.key, one.fidelity)
                self.write("DELETE FROM evaluations WHERE key = ? AND fidelity = ?", values)

    def filed(self) -> list[Evaluation]:
        """Return all that is filed, every candidate at every fidelity, in the order in which it was."""
        rows = self.read("SELECT evaluation FROM evaluations ORDER BY rowid")
        return [Evaluation.from_dict(json.loads(text)) for (text,) in rows]

    def evaluations(self) -> list[Evaluation]:
        """Return the evaluation that every candidate counts with, in the order of their first ones."""
        return standing(plan_of(self.config), self.filed(), self.generations())

    def count(self) -> int:
        """Return the number of candidates that were evaluated."""
        return int(self.read("SELECT COUNT(DISTINCT key) FROM evaluations")[0][0])

    def exit_records(self, key: str, fidelity: str) -> tuple[ExitRecord, ExitRecord] | None:
        """Return what every exit of a finished candidate said on calibrate and on select."""
        rows = self.read(
            'SELECT calibrate, "select" FROM evaluations '
            "WHERE key = ? AND fidelity = ? AND calibrate IS NOT NULL",
            (key, fidelity),
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

    def put_status(self, status: RunStatus, message: str = "") -> None:
        """Keep how far the search is, and the error that stopped it."""
        self.put_fact("stopped_by", message)
        self.put_fact("status", status)

    def fact(self, name: str, default: Any = None) -> Any:
        """Return a fact about the run."""
        rows = self.read("SELECT value FROM facts WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else default

    def weights_path(self, key: str, fidelity: str) -> Path:
        """Return where a candidate's weights lie, if they were kept."""
        return self.path / "checkpoints" / f"{step_name(key, fidelity)}.pt"

    def logits_path(self, key: str, fidelity: str) -> Path:
        """Return where a candidate's full logits lie, if they were kept."""
        return self.path / "checkpoints" / f"{step_name(key, fidelity)}.npz"

    def weights(self, key: str, fidelity: str) -> bytes | None:
        """Return a candidate's weights; None where they were forgotten."""
        path = self.weights_path(key, fidelity)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error}") from error

    def has_artefacts(self, key: str, fidelity: str) -> bool:
        """Return whether a candidate's weights and logits are there."""
        return self.weights_path(key, fidelity).is_file() and self.logits_path(key, fidelity).is_file()

    def artefacts(self) -> set[tuple[str, str]]:
        """Return ``(key, fidelity)`` of all whose weights or logits are there."""
        folder = self.path / "checkpoints"
        names = {file.stem for file in folder.iterdir()} if folder.is_dir() else set()
        return {(key, fidelity) for key, dash, fidelity in (name.partition("-") for name in names) if dash}

    def forget_artefacts(self, artefacts: Iterable[tuple[str, str]]) -> None:
        """Delete weights and logits of ``(key, fidelity)``; rows stay."""
        with storage_errors(self.path):
            for key, fidelity in artefacts:
                self.weights_path(key, fidelity).unlink(missing_ok=True)
                self.logits_path(key, fidelity).unlink(missing_ok=True)

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


def step_name(key: str, fidelity: str) -> str:
    """Return how a candidate's step to a fidelity, and what it left, is called."""
    return f"{key}-{fidelity}"


def refuse_existing(path: Path) -> None:
    """Refuse to start where a run lies already.

    Raises:
        RunError: There is one; with the command that continues it.
    """
    if (path / "run.sqlite").exists():
        run = shlex.quote(str(path))
        raise RunError(f"{path} exists already. Continue it: aebnas resume {run}  (or choose another --name)")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


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
