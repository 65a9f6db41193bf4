"""Views: how a search is shown while it runs.

Three listen to the same events: a live panel on a terminal, plain lines in a pipe
or a log, JSON lines for programs.
"""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from aebnas.errors import RunError
from aebnas.runs.formatting import count
from aebnas.search.events import Event


class View(AbstractContextManager["View"], Protocol):
    """Shows a search; a Listener."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def status(self, text: str) -> None:
        """Say what is being done before and after the search itself."""

    def interrupted(self, path: Path, kept: int | None, command: str | None = None) -> None:
        """Say how to continue.

        Args:
            path: The run.
            kept: Candidates that lie in it; None: there are none, or no run yet.
            command: What continues, if it is not ``aebnas resume``.
        """

    def finished(self, path: Path, page: Path | None) -> None:
        """Show the front, whether the time limit cut the search, and where the report, if any, lies."""


def supernet_steps(path: Path) -> tuple[int, int] | None:
    """Return after how many steps of how many a run's supernet is; None: at its end, or there is none."""
    if not (path / "supernet").is_dir():
        return None
    try:
        from aebnas.supernet.storage import stored_steps, supernet_file  # imports torch

        step, steps = stored_steps(supernet_file(path))
    except RunError:
        return None
    return None if step == steps else (step, steps)


def interruption(path: Path, kept: int | None, command: str | None = None) -> str:
    """Return what a person is told after Ctrl-C; arguments as of ``View.interrupted``."""
    steps = supernet_steps(path)
    supernet = "" if steps is None else f" The supernet is kept after {steps[0]:,} of {steps[1]:,} steps."
    if command is not None:
        return f"Interrupted.{supernet} The same command continues: {command}"
    if kept is None:
        return "Interrupted before the run began; nothing was written."
    run = shlex.quote(str(path))
    are = "is" if kept == 1 else "are"
    return (
        f"Interrupted. {count(kept, 'candidate')} {are} kept.{supernet} Continue: aebnas resume {run}\n"
        f"What there is so far: aebnas report {run}"
    )


def ending(path: Path, page: Path | None) -> str:
    """Return where the report of a finished run lies, or how to get one."""
    return f"Report: aebnas report {shlex.quote(str(path))}" if page is None else f"Report: {page}"
