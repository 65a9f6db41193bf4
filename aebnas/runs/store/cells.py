"""Cells: one value of a run's database, and where it stands.

A database may be sound while a value in it is not.  Whoever reads one asks its cell, which names
table, row and column where it is no such value.  Must not import torch.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from aebnas.errors import RunError
from aebnas.evaluation.plan import is_name

T = TypeVar("T")
KEY = re.compile(r"[0-9a-f]{16}")
MADE_AGAIN = ("evaluations", "attempts", "generations")
"""Tables whose rows a continued search makes again where they are missing."""


@dataclass(frozen=True)
class Cell:
    """One value of the database."""

    file: Path
    table: str
    row: int
    column: str
    value: Any

    @property
    def is_empty(self) -> bool:
        """Return whether nothing stands there."""
        return self.value is None

    def damaged(self, why: str) -> RunError:
        """Return the error that says what is wrong with the cell, and its cure."""
        cure = "Put a copy of the file back"
        if self.table in MADE_AGAIN:
            run, file = shlex.quote(str(self.file.parent)), shlex.quote(str(self.file))
            cure += (
                f"; or delete the row, and the search makes it again: "
                f"sqlite3 {file} 'DELETE FROM {self.table} WHERE rowid = {self.row}' && aebnas resume {run}"
            )
        else:
            cure += ", or start a new run: aebnas search FILE --name NEW"
        return RunError(
            f"{self.file} is damaged: table {self.table}, row {self.row}, column {self.column}: {why}. {cure}"
        )

    def text(self) -> str:
        """Return a text.

        Raises:
            RunError: It is none.
        """
        if not isinstance(self.value, str):
            raise self.damaged(f"must be text, but is {_kind(self.value)}")
        return self.value

    def key(self) -> str:
        """Return the key of a candidate.

        Raises:
            RunError: It is none.
        """
        text = self.text()
        if not KEY.fullmatch(text):
            raise self.damaged(f"must be a candidate's key, but is {text[:60]!r}")
        return text

    def fidelity(self) -> str:
        """Return the name of a fidelity.

        Raises:
            RunError: It is none.
        """
        text = self.text()
        if not is_name(text):
            raise self.damaged(f"must be the name of a fidelity, but is {text[:60]!r}")
        return text

    def integer(self) -> int:
        """Return a whole number.

        Raises:
            RunError: It is none.
        """
        if not isinstance(self.value, int):
            raise self.damaged(f"must be a whole number, but is {_kind(self.value)}")
        return self.value

    def blob(self) -> bytes:
        """Return bytes.

        Raises:
            RunError: It holds none.
        """
        if not isinstance(self.value, bytes):
            raise self.damaged(f"must be bytes, but is {_kind(self.value)}")
        return self.value

    def instant(self) -> str:
        """Return a time as it stands there, ISO 8601.

        Raises:
            RunError: It is none.
        """
        text = self.text()
        try:
            datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError, OSError) as error:
            raise self.damaged(f"must be a time, but is {text[:60]!r}") from error
        if len(text) < len("2026-01-31T12:00:00"):  # a day, or an hour, is a time that was cut
            raise self.damaged(f"must be a time to the second, but is {text!r}")
        return text

    def json(self) -> Any:
        """Return what a JSON text says.

        Raises:
            RunError: It is no JSON.
        """
        try:
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            raise self.damaged(f"no JSON ({type(error).__name__}: {error})") from error

    def checked(self, kind: TypeAdapter[T], value: Any) -> T:
        """Return a value of this cell as what it must be.

        Raises:
            RunError: It is something else.
        """
        try:
            return kind.validate_python(value)
        except ValidationError as error:
            raise self.damaged(_first(error)) from error


def _kind(value: Any) -> str:
    """Return what a value is, for messages."""
    if value is None:
        return "NULL"
    return f"bytes ({len(value)})" if isinstance(value, bytes) else repr(value)[:60]


def _first(error: ValidationError) -> str:
    """Return the first mistake that pydantic tells, with its place."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return f"{place}: {message}" if place else message
