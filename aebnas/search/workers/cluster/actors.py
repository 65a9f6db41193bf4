"""Workers as Ray actors, in the process that is Ray's alone; the cluster that ``remote.py`` passes on.

Each actor keeps data and framework warm and evaluates one candidate at a time.  The search decides about
retries: Ray's own would repeat a hanging candidate for ever.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import Any

import ray
from ray.exceptions import (
    GetTimeoutError,
    ObjectStoreFullError,
    OutOfDiskError,
    OutOfMemoryError,
    RayActorError,
    RayError,
)

from aebnas.config.schema import WorkersConfig
from aebnas.data.splits import Splits
from aebnas.errors import WorkerError
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Outcome, Status
from aebnas.evaluation.settings import CandidateSettings
from aebnas.extensions.consent import Permit
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.search.workers.cluster.aside import outlive_nobody, serve
from aebnas.search.workers.cluster.contract import ClusterLostError, Finished, Job, Lost, News, WorkerReady
from aebnas.search.workers.cluster.nodes import Node
from aebnas.search.workers.cluster.session import is_answering, nodes_up, start_ray, stop_ray
from aebnas.search.workers.pool import Shared
from aebnas.space.api import Architecture

BROKEN_START = ("creation task", "failed to import")
"""Words of an actor that never was: why stands in the last line of its traceback."""
NODES_SECONDS = 2.0
"""How often the head is asked which nodes are up."""
FETCH_SECONDS = 20.0
"""For an answer to come from its node."""
KNOCK_SECONDS = 1.0
"""For a node to accept a connection; the head itself takes up to half a minute to notice that one died."""


class _Worker:
    """Lives in an actor: an evaluator and its data."""

    def __init__(
        self, code: Permit, settings: bytes, splits: Splits, on_gpu: bool, costs: DeviceCosts, shared: Shared
    ) -> None:
        code.take()  # before what names code is unpickled
        candidates: CandidateSettings = pickle.loads(settings)
        from aebnas.evaluation.evaluator import Evaluator

        self._evaluator = Evaluator(candidates, splits, "cuda:0" if on_gpu else "cpu", costs, shared)

    def home(self) -> str:
        """Return the node."""
        return str(ray.get_runtime_context().get_node_id())

    def evaluate(self, architecture: Architecture, step: Step) -> Outcome:
        outcome = self._evaluator.evaluate(architecture, step)
        if outcome.evaluation.status is Status.BROKEN_DEVICE:
            # the search replaces this worker, else every later candidate of it would fail too
            raise WorkerError(outcome.evaluation.status_text)
        return outcome


class RayCluster:
    """A ``Cluster`` of Ray actors."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._actors: dict[int, Any] = {}
        self._homes: dict[int, str] = {}
        """Of those that are ready."""
        self._waiting: dict[Any, int] = {}
        """Whose answer each reference is."""
        self._nodes: tuple[Node, ...] = ()
        self._asked = 0.0

    def begin(self, workers: WorkersConfig, count: int, gpus: float, shared_bytes: int) -> tuple[Node, ...]:
        """Start Ray here, or connect."""
        start_ray(workers, count, gpus, shared_bytes)
        return self._look_around()

    def share(self, job: Job, cpus: float, gpus: float) -> None:
        """Place what every worker needs in shared memory."""
        # exported to the cluster once, not once a worker
        self._actor = ray.remote(_Worker).options(
            num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0
        )
        try:
            large = [ray.put(part) for part in (job.splits, job.costs, job.shared)]
        except (ObjectStoreFullError, OutOfDiskError) as error:
            raise WorkerError(
                f"Ray has no room for what workers share (the images first of all): {_last_line(error)}. "
                "More room: ray start --object-store-memory BYTES   Fewer images: data.limit"
            ) from error
        splits, costs, shared = large
        self._given = (job.code, job.settings, splits, gpus > 0, costs, shared)

    def hire(self, worker: int) -> None:
        """Create an actor; it may have to wait for a place."""
        actor: Any = self._actor.remote(*self._given)
        self._actors[worker] = actor
        self._waiting[actor.home.remote()] = worker

    def submit(self, worker: int, architecture: Architecture, step: Step) -> None:
        """Give a ready actor a candidate."""
        self._waiting[self._actors[worker].evaluate.remote(architecture, step)] = worker

    def dismiss(self, worker: int) -> None:
        """Kill an actor."""
        self._waiting = {reference: other for reference, other in self._waiting.items() if other != worker}
        self._homes.pop(worker, None)
        actor = self._actors.pop(worker, None)
        if actor is not None:
            ray.kill(actor)

    def poll(self, seconds: float) -> News:
        """Wait for something to happen; look around every now and then."""
        references = list(self._waiting)
        if references:
            finished, rest = ray.wait(references, num_returns=1, timeout=seconds)
            finished += ray.wait(rest, num_returns=len(rest), timeout=0)[0] if finished and rest else []
        else:
            finished = []
            time.sleep(seconds)
        reports = tuple(self._report(reference) for reference in finished)
        if time.monotonic() - self._asked > NODES_SECONDS or any(
            isinstance(report, Lost) for report in reports
        ):
            self._look_around()
        return News(reports, self._nodes)

    def _look_around(self) -> tuple[Node, ...]:
        self._nodes, self._asked = nodes_up(), time.monotonic()
        return self._nodes

    def _report(self, reference: Any) -> WorkerReady | Finished | Lost:
        worker = self._waiting.pop(reference)
        try:
            answer = ray.get(reference, timeout=FETCH_SECONDS)
        except RayError as error:
            return self._lost(worker, error)
        if worker in self._homes:
            return Finished(worker, answer)
        self._homes[worker] = answer
        return WorkerReady(worker, answer)

    def _lost(self, worker: int, error: RayError) -> Lost:
        home, reason = self._homes.get(worker), _reason(error)
        there = [node for node in self._nodes if home in (None, node.name)]
        down = _first_down(there, {node.name for node in self._look_around()})
        if down is not None:
            return Lost(worker, f"node {down.address} was lost", "node", down.name)
        if home is not None and not there:
            return Lost(worker, "its node was lost", "node", home)
        is_out = isinstance(error, OutOfMemoryError)
        return Lost(worker, reason, "start" if home is None else "candidate", home or "", is_out)


def serve_cluster(pipe: Connection) -> None:
    """Be the process aside: answer until the search is over or gone.

    Whatever Ray raises here, but not of one worker, says that the cluster is lost.
    """
    serve(pipe, _Guarded(RayCluster()))
    stop_ray()
    outlive_nobody()


class _Guarded:
    """Turns Ray's errors into ours."""

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._cluster, name)

        def guarded(*arguments: Any) -> Any:
            try:
                return method(*arguments)
            except (RayError, OSError) as error:
                raise ClusterLostError(f"Ray is gone ({_last_line(error)})") from None

        return guarded


def _first_down(nodes: Iterable[Node], up: set[str]) -> Node | None:
    """Return a node that the head no longer knows, or that does not answer."""
    for node in nodes:
        if node.name not in up or not is_answering(node.address, KNOCK_SECONDS):
            return node
    return None


def _reason(error: RayError) -> str:
    """Return one line that a person understands."""
    if isinstance(error, OutOfMemoryError):
        lines = [line.strip() for line in str(error).splitlines() if "memory" in line.lower()]
        return "out of memory: " + (lines[0] if lines else "Ray's memory monitor stopped it")
    if isinstance(error, GetTimeoutError):
        return "no answer"
    if isinstance(error, RayActorError) and not any(word in str(error) for word in BROKEN_START):
        cause = str(error).strip().splitlines()
        lines = [
            line.strip()
            for line in cause
            if line.strip().startswith(("The actor", "Worker", "aebnas", "Runtime"))
        ]
        return (lines or cause or [type(error).__name__])[-1][:300]
    return _last_line(error)


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
