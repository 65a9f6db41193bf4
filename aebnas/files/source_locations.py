"""Source locations: where a value was written, and a message about it.

A location is a line of a file or a ``--set`` on the command line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the top."""


class SourceLocation(NamedTuple):
    """Where something was written; ``rank`` puts messages in order."""

    rank: int
    text: str


class Problem(NamedTuple):
    """One line of an error message."""

    location: SourceLocation
    path: Path
    message: str

    def __str__(self) -> str:
        """Return ``FILE:LINE: FIELD: what is wrong``."""
        name = ".".join(map(str, self.path))
        return ": ".join(part for part in (self.location.text, name, self.message) if part)


LocationOfLine = Callable[[int], SourceLocation]


def lines_of(name: str) -> LocationOfLine:
    """Return the locations of the file ``name``, by line counted from 1."""
    return lambda line: SourceLocation(line, f"{name}:{line}")
