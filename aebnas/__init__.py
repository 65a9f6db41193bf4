"""AEBNAS: hardware-aware neural architecture search for early-exit networks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aebnas.runs.frame import LoadedRun

__version__ = "0.1.0"


def load_run(path: str | Path) -> LoadedRun:
    """Read a run, finished or not; ``load_run(path).to_frame()`` is a pandas frame of it.

    Raises:
        ConfigError: Its configuration cannot be read.
        RunError: There is no run in that directory, or it is damaged.
    """
    from aebnas.runs.frame import load_run as read

    return read(path)


def allow_code() -> AbstractContextManager[None]:
    """Allow code that files name as ``package.module:Name`` to be run until the end of ``with``.

    Allow only what you wrote or have read: it can do whatever you can do.
    """
    from aebnas.extensions.consent import allow_code as allow

    return allow()
