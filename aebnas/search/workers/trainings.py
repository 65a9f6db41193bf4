"""The trainings of one search: its workers start when the first candidate has to be trained.

Nothing more begins once the time is up, and each attempt is noted before it begins.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from aebnas.evaluation.plan import StepOf
from aebnas.evaluation.record import Outcome
from aebnas.runs.repeatability import Repeatability
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Event, FeaturesProgress, Listener, SupernetProgress, WorkersStarted
from aebnas.search.loop.clock import RunClock
from aebnas.search.workers.pool import WorkerPool
from aebnas.space.api import Architecture


class Trainings:
    """Trains candidates on workers of its own."""

    def __init__(
        self,
        make_pool: Callable[[Listener], WorkerPool],
        store: RunStore,
        context: str,
        clock: RunClock,
        repeatability: Repeatability,
        listener: Listener,
    ) -> None:
        """Begin without workers.

        Args:
            make_pool: Makes the workers, which tell what they do; called when the first candidate has to
                be trained.
            store: Keeps the attempts.
            context: Identity of the evaluations.
            clock: Says when the time is up.
            repeatability: Told each training.
            listener: Told what the workers do.
        """
        self._make_pool, self._store, self._context = make_pool, store, context
        self._clock, self._repeatability, self._listener = clock, repeatability, listener
        self._pool: WorkerPool | None = None

    @property
    def workers(self) -> int:
        """Return how many workers there are; 0: nothing had to be trained yet."""
        return 0 if self._pool is None else self._pool.size

    @property
    def has_begun(self) -> bool:
        """Return whether anything had to be trained: a run that is replayed trains nothing."""
        return self._pool is not None

    def __call__(
        self, architectures: Sequence[Architecture], step_of: StepOf, fidelity: str | None
    ) -> Iterator[Outcome]:
        """Yield outcomes as they finish; begin nothing more once the time is up.

        Args:
            architectures: Distinct ones.
            step_of: What is done with each, by key.
            fidelity: Under which the attempts are noted; None: they are not, as the run has done this before.

        Raises:
            WorkerError: Workers do not start, or are lost for good.
        """
        if not architectures or self._clock.is_late():
            return
        if self._pool is None:
            self._pool = self._make_pool(self._on_event)
            self._listener(WorkersStarted(self._pool.size))

        def started(key: str) -> None:
            if fidelity is not None:
                self._store.start_attempt(key, self._context, fidelity)

        for outcome in self._pool.evaluate(architectures, started, step_of):
            self._repeatability.trained()
            yield outcome
            if self._clock.is_late():
                self._pool.stop_starting()

    def _on_event(self, event: Event) -> None:
        """Tell what the workers tell; a supernet's training counts even if nothing ends it in order."""
        if isinstance(event, SupernetProgress | FeaturesProgress):
            self._clock.note()
        self._listener(event)

    def close(self) -> None:
        """Stop the workers, if there are any."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
