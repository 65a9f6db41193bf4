"""The database of a run, opened whole: what its log holds counts as much as its file.

A search that was killed leaves results in ``run.sqlite-wal``, or half a change with its
``run.sqlite-journal``.  Where both can be worked in beside the file, SQLite does it.  Where they
cannot (a folder or file without write permission), the files are copied and the copy is read.
Never is a file opened without its log.  Must not import torch.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from aebnas.errors import RunError

SCHEMA = """
CREATE TABLE evaluations (
    key TEXT NOT NULL, context TEXT NOT NULL, fidelity TEXT NOT NULL, evaluation TEXT NOT NULL,
    calibrate BLOB, "select" BLOB, finished_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (key, context, fidelity));
CREATE TABLE attempts (
    key TEXT NOT NULL, context TEXT NOT NULL, fidelity TEXT NOT NULL,
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
CREATE TABLE generations (number INTEGER PRIMARY KEY, summary TEXT NOT NULL);
CREATE TABLE metadata (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
LOGS = ("-wal", "-journal")
"""Endings of the files beside a database that may hold results; ``-shm`` is made again from them."""
UNWORKABLE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
)
"""What SQLite says where it cannot work beside a file: no permission, no shared memory, no room."""
LOOKS = 5
"""How often files are copied that change meanwhile."""
CURE = "Put a copy of it back, or start a new run: aebnas search FILE --name NEW"


class Opened(NamedTuple):
    """An open database."""

    connection: sqlite3.Connection
    is_copy: bool
    """Whether it is a private copy, which nothing may be written to."""


def open_database(file: Path) -> Opened:
    """Open a run's database with all that its log holds.

    Raises:
        RunError: It, its log or a copy of both cannot be read, or it lacks a table.
    """
    with reading(file):
        try:
            opened = Opened(_in_place(file), is_copy=False)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in UNWORKABLE:
                raise
            opened = Opened(_copied(file), is_copy=True)
        try:
            _check_tables(file, opened.connection)
        except BaseException:
            opened.connection.close()
            raise
    return opened


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Turn what goes wrong while a database is read into a ``RunError`` with its cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise RunError(f"{file} cannot be read: {error}. {CURE}") from error
    except OSError as error:
        where = file if error.filename is None else error.filename
        raise RunError(
            f"{file} cannot be read whole, with what its log holds: {where}: {error.strerror or error}. "
            "Give read permission, or copy the whole folder of the run to a place that may be written"
        ) from error


def _in_place(file: Path) -> sqlite3.Connection:
    database = _connect(file)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("SELECT COUNT(*) FROM sqlite_master")  # the first look at the log
    except sqlite3.Error:
        database.close()
        raise
    return database


def _copied(file: Path) -> sqlite3.Connection:
    """Return a copy that is gone when it is closed.

    Raises:
        OSError: A file cannot be read, or there is no room for the copy.
    """
    file = file.resolve()  # the log of a link lies beside its target
    with tempfile.TemporaryDirectory(prefix="aebnas-") as name:
        folder = Path(name)
        _copy_unchanged(file, folder)
        with closing(_connect(folder / file.name)) as source:
            source.execute("PRAGMA journal_mode = DELETE")  # its log goes into it
            copy = _connect(Path())
            source.backup(copy)
    copy.execute("PRAGMA query_only = ON")
    return copy


def _copy_unchanged(file: Path, folder: Path) -> None:
    """Copy a database and its logs as they are at one time.

    Raises:
        OSError: They cannot be read or written, or change again and again.
    """
    for _ in range(LOOKS):
        before = _stamps(file)
        for path in before:
            shutil.copyfile(path, folder / path.name)
        if _stamps(file) == before:
            return
        for path in folder.iterdir():
            path.unlink()
    raise OSError(errno.EBUSY, "a search is writing to it. Try again later", str(file))


def _stamps(file: Path) -> dict[Path, tuple[int, int]]:
    """Return size and time of change of a database and of the logs that it has."""
    stamps = {}
    for path in (file, *(file.with_name(file.name + ending) for ending in LOGS)):
        try:
            metadata = path.stat()
        except FileNotFoundError:
            if path == file:
                raise
        else:
            stamps[path] = (metadata.st_size, metadata.st_mtime_ns)
    return stamps


def _connect(file: Path) -> sqlite3.Connection:
    """Return a connection; an empty path: to a database of its own, which SQLite deletes with it."""
    database = sqlite3.connect("" if file == Path() else file, timeout=30)
    database.text_factory = _text
    return database


def _text(content: bytes) -> str | bytes:
    """Return a text, or its bytes where they are none: whoever reads it then says which row it is."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _check_tables(file: Path, database: sqlite3.Connection) -> None:
    """Refuse a database that lacks a table or column.

    Raises:
        RunError: It does; a search that went on there would do all its work again.
    """
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(SCHEMA)
        expected = _columns(model)
    present = _columns(database)
    for table, columns in expected.items():
        if table not in present:
            raise RunError(f"{file} is damaged: it has no table {table}. {CURE}")
        missing = [name for name in columns if name not in present[table]]
        if missing:
            raise RunError(f"{file} is damaged: table {table} has no column {missing[0]}. {CURE}")


def _columns(database: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the names of every table's columns."""
    columns: dict[str, list[str]] = {}
    rows = database.execute(
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    )
    for table, column in rows:
        columns.setdefault(table, []).append(column)
    return columns
