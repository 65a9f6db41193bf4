"""What a search has done so far, gathered from its events."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from aebnas.evaluation.record import Evaluation
from aebnas.search.events import (
    CandidateFinished,
    CandidateStarted,
    Event,
    FeaturesProgress,
    FinalsChosen,
    Generation,
    SearchStarted,
    SupernetProgress,
    SupernetReady,
    WorkerLost,
    WorkersChanged,
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
        self.planned = 0
        """Evaluations of the whole run, as far as can be told."""
        self.finals_ahead = 0
        """Of them, top-k candidates that are not chosen yet."""
        self.workers: int | None = None
        self.busy = 0
        self.done = 0
        self.failed = 0
        self.cached = 0
        """Candidates, done or failed, that the run store knew."""
        self.known_in_generation = 0
        """Of them, those of the generation that was told last."""
        self.best_accuracy: float | None = None
        """On *select*, with each candidate's most generous exit policy; in the end that of the front, where
        top-k candidates alone hold it."""
        self.generation: Generation | None = None
        """The last one that was told."""
        self.supernet: SupernetProgress | None = None
        """While it is trained."""
        self.supernet_began = 0
        """Its step, about, when this session began."""
        self.landmarks: dict[str, list[float]] = {}
        """Accuracies on *calibrate* of some networks of the supernet, by exit, at the last look."""
        self.features: FeaturesProgress | None = None
        """While features of a given network are computed."""
        self.features_began = 0
        """Their block, about, when this session began."""
        self.recent: tuple[Evaluation, ...] = ()
        self._cached_before = 0
        self._began = self._now()
        self._trained = 0
        """As the two times below: since this session began, or since it chose top-k candidates."""
        self._first_training: float | None = None
        self._last_finish: float | None = None

    @property
    def finished(self) -> int:
        """Return the number of evaluated candidates, failed and known ones included."""
        return self.done + self.failed

    @property
    def unit(self) -> str:
        """Return what is planned and counted."""
        return "training" if self.started is None or self.started.are_trainings else "evaluation"

    @property
    def elapsed_seconds(self) -> float:
        """Return the time since the search began or was resumed."""
        return self._now() - self._began

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case SearchStarted():
                self.started, self._began = event, self._now()
                self.planned, self.finals_ahead = event.planned, event.finals
            case SupernetProgress():
                if self.supernet is None:
                    self.supernet_began = event.step - 1
                self.supernet = event
                self.landmarks = event.accuracies or self.landmarks
            case SupernetReady():
                self.supernet = None
            case FeaturesProgress():
                if self.features is None or self.features.network != event.network:
                    self.features_began = event.done - 1
                self.features = event
            case WorkersStarted() | WorkersChanged():
                self.workers, self.features = event.count, None
            case CandidateStarted():
                self.busy = event.busy
                self._first_training = self._first_training or self._now()
            case CandidateFinished():
                self._finish(event)
            case FinalsChosen():
                # what inherited subnets took says nothing of trainings
                self._trained, self._first_training, self._last_finish = 0, None, None
                self.planned, self.finals_ahead = self.finished + event.candidates, 0
            case WorkerLost():
                self.busy = max(0, self.busy - 1)
            case Generation():
                self.known_in_generation, self._cached_before = self.cached - self._cached_before, self.cached
                self.generation, self.busy = event, 0
                if any(training.hold_front for training in event.finals):
                    self.best_accuracy = max(point.metrics["accuracy"] for point in event.front)

    def seconds_left(self) -> float | None:
        """Return the time left until top-k candidates are chosen, else to the end; None: unknown yet.

        It goes by those of the same kind, inherited subnets or top-k candidates, that were trained so far.
        """
        left = self._uncut_seconds_left()
        return None if left is None else min(left, self._seconds_allowed())

    def finals_behind(self) -> int:
        """Return how many top-k candidates are trained after ``seconds_left``; 0: the time is up before."""
        left = self._uncut_seconds_left()
        return self.finals_ahead if left is not None and left < self._seconds_allowed() else 0

    def _uncut_seconds_left(self) -> float | None:
        trained, first, last = self._trained, self._first_training, self._last_finish
        if not trained or first is None or last is None:
            return None
        remaining = self.planned - self.finals_ahead - self.finished
        return max(0.0, (last - first) / trained * remaining - (self._now() - last))

    def _seconds_allowed(self) -> float:
        """Return what ``search.max_minutes`` leaves."""
        if self.started is None or self.started.max_minutes is None:
            return math.inf
        spent = self.started.spent_seconds + self.elapsed_seconds
        return max(0.0, self.started.max_minutes * 60 - spent)

    def _finish(self, event: CandidateFinished) -> None:
        evaluation = event.evaluation
        self.busy = event.busy
        if event.cached:
            self.cached += 1
        else:
            self._trained += 1
            self._last_finish = self._now()
            self.recent = (*self.recent, evaluation)[-RECENT:]
        if not evaluation.is_done:
            self.failed += 1
            return
        self.done += 1
        self.best_accuracy = max(self.best_accuracy or 0.0, evaluation.metrics(1.0)["accuracy"])

    def _now(self) -> float:
        return self._clock()
