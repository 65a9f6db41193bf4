"""Pools of workers: a protocol, and a pool of one that lives in this process.

``ray_pool.py`` holds the pool of Ray actors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from aebnas.config.schema import WorkersConfig
from aebnas.data.splits import Splits
from aebnas.evaluation.plan import StepOf, first_step
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import CandidateSettings
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.search.events import CandidateStarted, Listener, ignore
from aebnas.space.api import Architecture

Shared = Mapping[str, Mapping[str, NDArray[Any]]]
"""Arrays that the fidelities of a plan prepared, by kind and name: the weights of a supernet, say."""
OnStart = Callable[[str], None]
"""Called with a candidate's key before its training begins."""


class WorkerPool(Protocol):
    """Evaluates architectures."""

    @property
    def size(self) -> int:
        """Return the number of workers."""
        ...

    def evaluate(
        self, architectures: Sequence[Architecture], on_start: OnStart, step_of: StepOf = first_step
    ) -> Iterator[Outcome]:
        """Yield the outcome of each architecture, in the order in which they finish.

        Args:
            architectures: Distinct ones.
            on_start: Told each key before its training begins.
            step_of: What is done with each; asked as late as that begins.
        """
        ...

    def stop_starting(self) -> None:
        """Begin no further candidate; those in work finish."""
        ...

    def close(self) -> None:
        """Stop the workers at once."""
        ...


class SerialPool:
    """Evaluates in this process, one after another."""

    size = 1

    def __init__(
        self,
        settings: CandidateSettings,
        workers: WorkersConfig,
        splits: Splits,
        listener: Listener = ignore,
        costs: DeviceCosts | None = None,
        shared: Shared | None = None,
    ) -> None:
        """Prepare the evaluator on the CPU, or the first GPU where one is asked for."""
        from aebnas.evaluation.evaluator import Evaluator

        device = "cuda:0" if workers.gpus_per_worker not in ("auto", 0) else "cpu"
        self._evaluator = Evaluator(settings, splits, device, costs, shared)
        self._listener = listener
        self._is_stopping = False

    def evaluate(
        self, architectures: Sequence[Architecture], on_start: OnStart, step_of: StepOf = first_step
    ) -> Iterator[Outcome]:
        """Yield outcomes in the order given."""
        for architecture in architectures:
            if self._is_stopping:
                return
            on_start(architecture.key())
            self._listener(CandidateStarted(architecture.key(), busy=1))
            yield self._evaluator.evaluate(architecture, step_of(architecture.key()))

    def stop_starting(self) -> None:
        """Begin no further candidate."""
        self._is_stopping = True

    def close(self) -> None:
        """Nothing runs elsewhere."""
