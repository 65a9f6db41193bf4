"""AEBNAS: hardware-aware neural architecture search for early-exit networks."""

from __future__ import annotations

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
