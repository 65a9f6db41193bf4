"""The place of a run on disk: its database found or refused, errors of storage told with their cure.

Must not import torch.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aebnas.errors import RunError

DATABASE = "run.sqlite"


def found_database(path: Path) -> Path:
    """Return the database of a run.

    Raises:
        RunError: There is no run in that directory, or one may not look.
    """
    file = path / DATABASE
    try:
        is_there = file.is_file()
    except (OSError, ValueError) as error:  # a folder without permission, a name that is too long
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"{str(file)!r} cannot be read: {reason}") from error
    if not is_there:
        raise RunError(f"{path} holds no run. Start one: aebnas search FILE{_nearby(path)}")
    return file


def has_database(path: Path) -> bool:
    """Return whether a run can be seen in a directory; one of somebody else's may not be looked into."""
    try:
        return (path / DATABASE).is_file()
    except (OSError, ValueError):
        return False


def refuse_existing(path: Path) -> None:
    """Refuse to start where a run lies already.

    Raises:
        RunError: There is one; with the command that continues it.
    """
    if has_database(path):
        run = shlex.quote(str(path))
        raise RunError(f"{path} exists already. Continue it: aebnas resume {run}  (or choose another --name)")


def _nearby(path: Path) -> str:
    """Return the names of the runs beside a missing one."""
    folder = path.parent
    try:
        runs = sorted(file.parent.name for file in folder.glob(f"*/{DATABASE}")) if folder.is_dir() else []
    except OSError:  # a folder that may not be listed
        runs = []
    return f". Runs in {folder}: {', '.join(runs)}" if runs else ""


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
