"""What a search has done so far, gathered from its events."""

from __future__ import annotations

import time
from collections.abc import Callable

from aebnas.evaluation.record import Evaluation
from aebnas.search.events import (
    CandidateFinished,
    CandidateStarted,
    Event,
    Generation,
    SearchStarted,
    SupernetProgress,
    SupernetReady,
    WorkerLost,
    WorkersStarted,
)

RECENT = 3
"""Finished candidates that are remembered for display."""


class Progress:
    """Counts, bests and the time left; a Listener.

    The live view reads it from a second thread, so every attribute is replaced, never changed in place.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing known.

        Args:
            clock: Returns seconds; tests pass their own.
        """
        self._clock = clock
        self.started: SearchStarted | None = None
        self.workers: int | None = None
        self.busy = 0
        self.done = 0
        self.failed = 0
        self.cached = 0
        """Candidates, done or failed, that the run store knew."""
        self.known_in_generation = 0
        """Of them, those of the generation that was told last."""
        self.best_accuracy: float | None = None
        """On *select*, with each candidate's most generous threshold policy."""
        self.generation: Generation | None = None
        """The last one that was told."""
        self.supernet: SupernetProgress | None = None
        """While it is trained."""
        self.supernet_began = 0
        """Its step, about, when this sitting began."""
        self.landmarks: dict[str, list[float]] = {}
        """Accuracies on *calibrate* of some networks of the supernet, by exit, at the last look."""
        self.recent: tuple[Evaluation, ...] = ()
        self._cached_before = 0
        self._began = self._now()
        self._first_training: float | None = None
        self._last_finish: float | None = None

    @property
    def finished(self) -> int:
        """Return the number of evaluated candidates, failed and known ones included."""
        return self.done + self.failed

    @property
    def elapsed_seconds(self) -> float:
        """Return the time since the search began or was resumed."""
        return self._now() - self._began

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case SearchStarted():
                self.started, self._began = event, self._now()
            case SupernetProgress():
                if self.supernet is None:
                    self.supernet_began = event.step - 1
                self.supernet = event
                self.landmarks = event.accuracies or self.landmarks
            case SupernetReady():
                self.supernet = None
            case WorkersStarted():
                self.workers = event.count
            case CandidateStarted():
                self.busy = event.busy
                self._first_training = self._first_training or self._now()
            case CandidateFinished():
                self._finish(event)
            case WorkerLost():
                self.busy = max(0, self.busy - 1)
            case Generation():
                self.known_in_generation, self._cached_before = self.cached - self._cached_before, self.cached
                self.generation, self.busy = event, 0

    def seconds_left(self) -> float | None:
        """Return the time left at the rate at which candidates were trained so far; None: unknown yet."""
        trained = self.finished - self.cached
        if self.started is None or not trained or self._first_training is None or self._last_finish is None:
            return None
        each = (self._last_finish - self._first_training) / trained
        left = max(0.0, each * (self.started.planned - self.finished) - (self._now() - self._last_finish))
        if self.started.max_minutes is None:
            return left
        return min(left, max(0.0, self.started.max_minutes * 60 - self.elapsed_seconds))

    def _finish(self, event: CandidateFinished) -> None:
        evaluation = event.evaluation
        self.busy = event.busy
        if event.cached:
            self.cached += 1
        else:
            self._last_finish = self._now()
            self.recent = (*self.recent, evaluation)[-RECENT:]
        if not evaluation.is_done:
            self.failed += 1
            return
        self.done += 1
        self.best_accuracy = max(self.best_accuracy or 0.0, evaluation.metrics(1.0)["accuracy"])

    def _now(self) -> float:
        return self._clock()
