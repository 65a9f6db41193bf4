"""A pool of Ray actors that keep data and framework warm.

Each actor evaluates one candidate at a time.  The driver decides about retries:
Ray's own would repeat a hanging candidate for ever.  Long candidates go first, so
that no worker idles at the end of a generation; results do not depend on the order.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, OutOfMemoryError, RayActorError, RayError

from aebnas.config.schema import SearchFile
from aebnas.data.splits import Splits
from aebnas.errors import WorkerError
from aebnas.evaluation.record import OUT_OF_MEMORY, TOO_SLOW, WORKER_DIED, Outcome, draft_evaluation
from aebnas.evaluation.rungs import Leg, LegOf, in_full
from aebnas.hardware.cost import network_cost
from aebnas.hardware.device_costs import DeviceCosts
from aebnas.search.events import CandidateStarted, Listener, WorkerLost, ignore
from aebnas.search.pool import Started, Weights
from aebnas.search.ray_session import start_ray, stop_ray
from aebnas.search.resources import worker_count, worker_gpus
from aebnas.space.api import Architecture

POLL_SECONDS = 1.0
"""How often the driver looks for hanging candidates."""
BROKEN_DEVICE = "CUDA error"
"""Words of a failure after which nothing works any more on the GPU of that process."""
MAX_FAILED_STARTS = 3
"""Workers that may die before their first candidate, in a row, before the search gives up."""


class _Worker:
    """Lives in an actor: an evaluator and its data."""

    def __init__(
        self, config: str, splits: Splits, on_gpu: bool, costs: DeviceCosts, supernet: Weights | None
    ) -> None:
        from aebnas.evaluation.evaluator import Evaluator

        self._evaluator = Evaluator(
            SearchFile.model_validate_json(config), splits, "cuda:0" if on_gpu else "cpu", costs, supernet
        )

    def ready(self) -> bool:
        return True

    def evaluate(self, architecture: Architecture, leg: Leg | None) -> Outcome:
        outcome = self._evaluator.evaluate(architecture, leg)
        status = outcome.evaluation.status
        if BROKEN_DEVICE in status and OUT_OF_MEMORY not in status:
            # the driver replaces this worker, else every later candidate of it would fail too
            raise WorkerError(status)
        return outcome


@dataclass
class _Task:
    architecture: Architecture
    actor: Any
    started: float


class RayPool:
    """Ray actors, each replaced when it dies."""

    def __init__(
        self,
        config: SearchFile,
        splits: Splits,
        listener: Listener = ignore,
        costs: DeviceCosts | None = None,
        supernet: Weights | None = None,
    ) -> None:
        """Start Ray and place the images, and shared weights where there are any, in shared memory.

        Raises:
            WorkerError: Ray does not start, or the cluster is too small for one worker.
        """
        self._config = config
        self._listener = listener
        self._work = splits.task
        self._idle: deque[Any] = deque()
        self._failed_starts = 0
        self._is_stopping = False
        try:
            self._weight_bytes = sum(weight.nbytes for weight in (supernet or {}).values())
            self._gpus, self.size = self._begin(splits)
            self._splits = ray.put(splits)
            self._costs = ray.put(DeviceCosts() if costs is None else costs)
            self._supernet = ray.put(None if supernet is None else dict(supernet))
        except BaseException:  # nobody has a pool to close yet
            self.close()
            raise

    def evaluate(
        self, architectures: Sequence[Architecture], started: Started, leg: LegOf = in_full
    ) -> Iterator[Outcome]:
        """Yield outcomes in the order in which they finish, long candidates first.

        Raises:
            WorkerError: Workers die as soon as they start.
        """
        macs = {a.key(): network_cost(a, self._work).reach_macs[-1] for a in architectures}
        queue = deque(sorted(architectures, key=lambda a: (-macs[a.key()], a.key())))
        running: dict[Any, _Task] = {}
        deaths: Counter[str] = Counter()
        while queue or running:
            if self._is_stopping:
                queue.clear()
            while queue and len(running) < self.size:
                self._start(queue.popleft(), running, started, leg)
            finished, _ = ray.wait(list(running), num_returns=1, timeout=POLL_SECONDS)
            for reference in finished:
                task = running.pop(reference)
                outcome = self._collect(reference, task, deaths)
                if outcome is None:
                    queue.appendleft(task.architecture)
                else:
                    yield outcome
            yield from self._hanging(running)

    def stop_starting(self) -> None:
        """Begin no further candidate."""
        self._is_stopping = True

    def close(self) -> None:
        """Kill the workers and stop Ray."""
        stop_ray()

    def _start(
        self, architecture: Architecture, running: dict[Any, _Task], started: Started, leg: LegOf
    ) -> None:
        actor = self._idle.popleft() if self._idle else self._new_actor()
        key = architecture.key()
        started(key)
        running[actor.evaluate.remote(architecture, leg(key))] = _Task(architecture, actor, time.monotonic())
        self._listener(CandidateStarted(key, busy=len(running)))

    def _collect(self, reference: Any, task: _Task, deaths: Counter[str]) -> Outcome | None:
        """Return the outcome of a finished task, or None where it is to be tried again."""
        try:
            outcome: Outcome = ray.get(reference)
        except RayError as error:
            return self._lost(task, error, deaths)
        self._failed_starts = 0
        self._idle.append(task.actor)
        return outcome

    def _lost(self, task: _Task, error: RayError, deaths: Counter[str]) -> Outcome | None:
        key = task.architecture.key()
        deaths[key] += 1
        ray.kill(task.actor)
        self._failed_starts += isinstance(error, RayActorError) and _died_at_start(error)
        reason = _reason(error)
        if self._failed_starts >= MAX_FAILED_STARTS:
            raise WorkerError(f"{MAX_FAILED_STARTS} workers in a row died while starting: {reason}")
        retry = deaths[key] <= self._config.workers.retries
        self._listener(WorkerLost(key, reason, retry))
        if retry:
            return None
        if reason.startswith(OUT_OF_MEMORY):
            return self._failure(task.architecture, reason)
        return self._failure(task.architecture, f"{WORKER_DIED} {deaths[key]} times: {reason}")

    def _hanging(self, running: dict[Any, _Task]) -> Iterator[Outcome]:
        limit = self._config.workers.timeout_minutes * 60
        for reference, task in list(running.items()):
            if time.monotonic() - task.started > limit:
                del running[reference]
                ray.kill(task.actor)
                reason = f"{TOO_SLOW} = {limit / 60:g}"
                self._listener(WorkerLost(task.architecture.key(), reason, retry=False))
                yield self._failure(task.architecture, reason)

    def _failure(self, architecture: Architecture, reason: str) -> Outcome:
        cost = network_cost(architecture, self._work)
        seed = self._config.search.seed
        draft = draft_evaluation(architecture, cost, seed, f"failed: {reason}")
        return Outcome(replace(draft, epochs=self._config.candidate_epochs))

    def _begin(self, splits: Splits) -> tuple[float, int]:
        """Start Ray; return the GPUs of one worker and the number of workers."""
        workers = self._config.workers
        image_bytes = sum(part.images.nbytes for part in (splits.train, splits.calibrate, splits.select))
        shared_bytes = image_bytes + self._weight_bytes
        if workers.address is None:
            gpus = worker_gpus(workers)
            wanted = worker_count(workers, gpus)
            return gpus, self._fitting(wanted, gpus, start_ray(workers, wanted, gpus, shared_bytes))
        cluster = start_ray(workers, 0, 0, shared_bytes)  # what there is, is known now
        gpus = worker_gpus(workers, cluster)
        return gpus, self._fitting(None if workers.count == "auto" else workers.count, gpus, cluster)

    def _new_actor(self) -> Any:
        options = {
            "num_cpus": self._config.workers.cpus_per_worker,
            "num_gpus": self._gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        actor = ray.remote(_Worker).options(**options)
        given = (self._splits, self._gpus > 0, self._costs, self._supernet)
        return actor.remote(self._config.model_dump_json(), *given)

    def _fitting(self, wanted: int | None, gpus: float, resources: dict[str, float]) -> int:
        """Return how many of the wanted workers the cluster can hold; None: as many as it can."""
        cpus = self._config.workers.cpus_per_worker
        room = [resources.get("CPU", 0) // cpus] + ([resources.get("GPU", 0) // gpus] if gpus else [])
        if min(room) < 1:
            raise WorkerError(
                f"no worker fits: one needs {cpus:g} cores and {gpus:g} GPUs, the cluster has "
                f"{resources.get('CPU', 0):g} cores and {resources.get('GPU', 0):g} GPUs"
            )
        return int(min(room) if wanted is None else min(wanted, *room))


def _died_at_start(error: RayActorError) -> bool:
    return "creation" in str(error) or "__init__" in str(error)


def _reason(error: RayError) -> str:
    """Return one line that a person understands."""
    if isinstance(error, OutOfMemoryError):
        lines = [line.strip() for line in str(error).splitlines() if "memory" in line.lower()]
        return f"{OUT_OF_MEMORY}: " + (lines[0] if lines else "Ray's memory monitor stopped it")
    if isinstance(error, GetTimeoutError):
        return "no answer"
    if isinstance(error, RayActorError):
        cause = str(error).strip().splitlines()
        told = [
            line.strip()
            for line in cause
            if line.strip().startswith(("The actor", "Worker", "aebnas", "Runtime"))
        ]
        return (told or cause or [type(error).__name__])[-1][:300]
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
