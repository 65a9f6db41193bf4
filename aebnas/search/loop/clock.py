"""How long a run has taken, all its sessions together.  Must not import torch."""

from __future__ import annotations

import time

from aebnas.runs.store.store import RunStore


class RunClock:
    """Ends a search by ``search.max_minutes``."""

    def __init__(self, store: RunStore, max_minutes: float | None) -> None:
        """Begin now, at what the run's earlier sessions took.

        Args:
            store: The run's.
            max_minutes: When the time is up, counted over all sessions; None: never.
        """
        self._store = store
        self._limit_s = None if max_minutes is None else 60 * max_minutes
        self.begin()

    def begin(self) -> None:
        """Begin anew at what the run's earlier sessions took."""
        self._began = time.monotonic() - float(self._store.metadata("elapsed_seconds", 0.0))

    def is_late(self) -> bool:
        """Return whether the time is up; the time until now is kept."""
        elapsed = self.note()
        return self._limit_s is not None and elapsed >= self._limit_s

    def note(self) -> float:
        """Keep the time until now, in seconds, and return it."""
        elapsed = time.monotonic() - self._began
        self._store.put_metadata("elapsed_seconds", round(elapsed, 3))
        return elapsed
