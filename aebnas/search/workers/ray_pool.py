"""A pool of workers that keep data and framework warm, each a process of its own, here or on a Ray cluster.

Long candidates go first, so that no worker idles at the end of a generation; results do not depend on the
order.  A candidate goes to a worker that is ready, and only from then on does its time run.  Workers come
and go with the nodes of the cluster.

What speaks to Ray lies in ``cluster/``; this module does not import it.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from aebnas.config.schema import WorkersConfig
from aebnas.data.splits import Splits
from aebnas.errors import WorkerError
from aebnas.evaluation.plan import StepOf, first_step
from aebnas.evaluation.record import Outcome, Status, draft_evaluation
from aebnas.evaluation.settings import CandidateSettings
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.search.events import CandidateStarted, Listener, Warned, WorkerLost, WorkersChanged, ignore
from aebnas.search.workers.cluster.contract import (
    Cluster,
    ClusterLostError,
    Finished,
    Job,
    Lost,
    News,
    UnreachableError,
    WorkerReady,
)
from aebnas.search.workers.cluster.lost_workers import LostWorkers
from aebnas.search.workers.cluster.nodes import check_capacity
from aebnas.search.workers.cluster.remote import RemoteCluster
from aebnas.search.workers.cluster.roster import Roster
from aebnas.search.workers.cluster.stranding import Stranding
from aebnas.search.workers.pool import OnStart, Shared
from aebnas.search.workers.resources import worker_count, worker_gpus
from aebnas.space.api import Architecture

POLL_SECONDS = 1.0
"""How often the driver looks for hanging candidates."""
MAX_FAILED_STARTS = 3
"""Workers that may die before their first candidate, in a row, before the search asks for no more."""
MAX_RECONNECTIONS = 3
"""To a cluster, in a row, without a candidate that finished."""
BEGIN_SECONDS, REJOIN_SECONDS = 180.0, 20.0
"""For Ray to start, and for a cluster that was lost to answer again."""


@dataclass
class _Task:
    architecture: Architecture
    started: float


@dataclass
class _Batch:
    """Candidates of one call, wherever they are."""

    queue: deque[Architecture]
    lost_workers: LostWorkers
    running: dict[int, _Task] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    """Not passed on yet."""

    def take_back(self, worker: int) -> None:
        """Put what a worker had before all others."""
        self.queue.appendleft(self.running.pop(worker).architecture)


class RayPool:
    """Workers on Ray, each replaced when it dies."""

    def __init__(
        self,
        settings: CandidateSettings,
        workers: WorkersConfig,
        splits: Splits,
        listener: Listener = ignore,
        costs: DeviceCosts | None = None,
        shared: Shared | None = None,
        open_cluster: Callable[[], Cluster] = RemoteCluster,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start Ray and place the images, and shared weights where there are any, in shared memory.

        Args:
            settings: How candidates are trained and scored.
            workers: How many, and where.
            splits: Its data.
            listener: Told what happens.
            costs: Hardware profiles of the search.
            shared: What the fidelities of the plan prepared: the weights of a supernet, say.
            open_cluster: Makes what speaks to Ray; again, where a cluster has to be joined again.
            now: The clock, in seconds.

        Raises:
            WorkerError: Ray does not start, or the cluster is too small for one worker.
        """
        self._workers, self._seed = workers, settings.seed
        self._listener = listener
        self._open, self._now = open_cluster, now
        self._work = splits.task
        self._failed_starts = self._reconnections = 0
        self._is_stopping = False
        self._stranding = Stranding(workers, lambda text: listener(Warned(text)), now)
        arrays = {name: dict(prepared) for name, prepared in (shared or {}).items()}
        job = Job(pickle.dumps(settings), splits, DeviceCosts() if costs is None else costs, arrays)
        self._cluster = open_cluster()
        try:
            self._roster = self._begin(job, BEGIN_SECONDS)
        except BaseException:  # nobody has a pool to close yet
            self.close()
            raise
        self._announced_size = self.size
        # a local Ray is not started again: what ended it is still there
        self._job = None if workers.address is None else job

    @property
    def size(self) -> int:
        """Return how many workers have a place."""
        return self._roster.size

    def evaluate(
        self, architectures: Sequence[Architecture], on_start: OnStart, step_of: StepOf = first_step
    ) -> Iterator[Outcome]:
        """Yield outcomes in the order in which they finish, long candidates first.

        Raises:
            WorkerError: Workers die as soon as they start.
            ClusterLostError: Ray is gone and cannot be joined again, or no node holds a worker any more.
        """
        macs = {a.key(): network_cost(a, self._work).reach_macs[-1] for a in architectures}
        first = sorted(architectures, key=lambda a: (-macs[a.key()], a.key()))
        batch = _Batch(deque(first), LostWorkers(self._workers.retries))
        while batch.queue or batch.running:
            if self._is_stopping:
                batch.queue.clear()
            try:
                self._start(batch, on_start, step_of)
                self._on_news(self._cluster.poll(POLL_SECONDS), batch)
                self._stop_hanging(batch)
            except ClusterLostError as error:
                self._join_again(error)
                for worker in list(batch.running):
                    batch.take_back(worker)
            while batch.outcomes:
                yield batch.outcomes.pop(0)
            if batch.queue:
                self._stranding.check(self._roster)

    def stop_starting(self) -> None:
        """Begin no further candidate."""
        self._is_stopping = True

    def close(self) -> None:
        """Kill the workers and stop Ray."""
        self._cluster.close()

    def _start(self, batch: _Batch, on_start: OnStart, step_of: StepOf) -> None:
        """Give candidates to all who are ready, and ask for those that more could use."""
        self._roster.hire(len(batch.queue))
        while batch.queue and (worker := self._roster.take()) is not None:
            architecture = batch.queue.popleft()
            key = architecture.key()
            batch.running[worker] = _Task(architecture, self._now())
            on_start(key)
            self._cluster.submit(worker, architecture, step_of(key))
            self._listener(CandidateStarted(key, busy=len(batch.running)))

    def _on_news(self, news: News, batch: _Batch) -> None:
        """Take in what happened, and which nodes are up."""
        for report in news.reports:
            match report:
                case WorkerReady(worker, node):
                    self._roster.ready(worker, node)
                case Finished(worker, outcome):
                    del batch.running[worker]
                    batch.outcomes.append(outcome)
                    self._roster.free(worker)
                    self._failed_starts = self._reconnections = 0
                case Lost():
                    self._lose(report, batch)
        self._roster.update(news.nodes)
        self._announce_size()

    def _lose(self, report: Lost, batch: _Batch) -> None:
        self._roster.strike(report.worker)
        if report.cause == "node":
            self._roster.node_lost(report.node)
        if report.worker in batch.running:
            architecture = batch.running[report.worker].architecture
            failure = batch.lost_workers.note(architecture.key(), report)
            self._listener(WorkerLost(architecture.key(), report.reason, retry=failure is None))
            batch.take_back(report.worker)
            if failure is not None:
                batch.outcomes.append(self._failure(batch.queue.popleft(), *failure))
        elif report.cause == "start":
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                self._ask_for_no_more(report.reason)

    def _ask_for_no_more(self, reason: str) -> None:
        """Go on with the workers that there are.

        Raises:
            WorkerError: There are none.
        """
        text = f"{self._failed_starts} workers in a row died while starting: {reason}"
        if not self._roster.hold():
            raise WorkerError(text)
        self._failed_starts = 0
        self._listener(Warned(f"{text}; going on with those that did start"))

    def _stop_hanging(self, batch: _Batch) -> None:
        limit = self._workers.timeout_minutes * 60
        for worker, task in list(batch.running.items()):
            if self._now() - task.started > limit:
                reason = f"took longer than workers.timeout_minutes = {limit / 60:g}"
                self._roster.strike(worker)
                del batch.running[worker]
                self._listener(WorkerLost(task.architecture.key(), reason, retry=False))
                batch.outcomes.append(self._failure(task.architecture, reason, Status.TOO_SLOW))

    def _failure(self, architecture: Architecture, reason: str, status: Status) -> Outcome:
        cost = network_cost(architecture, self._work)
        seed = self._seed
        return Outcome(draft_evaluation(architecture, cost, seed).failed(reason, status))

    def _begin(self, job: Job, seconds: float) -> Roster:
        """Start Ray, or connect; return a roster of nobody."""
        workers, splits = self._workers, job.splits
        images = sum(part.values.nbytes for part in (splits.train, splits.calibrate, splits.select))
        prepared = [array for arrays in job.shared.values() for array in arrays.values()]
        shared_bytes = images + sum(array.nbytes for array in prepared)
        count: int | None
        if workers.address is None:
            gpus = worker_gpus(workers)
            count = own = worker_count(workers, gpus)
            nodes = self._cluster.begin(workers, own, gpus, shared_bytes, seconds)
        else:  # what there is, is known then
            nodes = self._cluster.begin(workers, 0, 0, shared_bytes, seconds)
            gpus = worker_gpus(workers, {"GPU": sum(node.gpus for node in nodes)})
            count = None if workers.count == "auto" else workers.count
        check_capacity(nodes, workers.cpus_per_worker, gpus)
        self._cluster.share(job, workers.cpus_per_worker, gpus)
        return Roster(self._cluster, nodes, workers.cpus_per_worker, gpus, count)

    def _join_again(self, error: ClusterLostError) -> None:
        """Connect to the cluster again: the node through which we spoke to it may be lost, not its head.

        Raises:
            ClusterLostError: It does not answer, again and again, or it is a local Ray.
        """
        self._reconnections += 1
        self._cluster.close()
        if self._job is None or self._reconnections > MAX_RECONNECTIONS:
            raise error
        self._listener(Warned(f"{error}; connecting to the cluster again"))
        self._cluster = self._open()
        try:
            self._roster = self._begin(self._job, REJOIN_SECONDS)
        except (ClusterLostError, UnreachableError) as failure:
            where = f"the Ray cluster at {self._workers.address}"
            raise ClusterLostError(f"{where} does not answer any more") from failure
        except WorkerError as failure:
            raise ClusterLostError(f"{error}, and joining it again failed: {failure}") from failure
        self._announce_size()

    def _announce_size(self) -> None:
        if self.size != self._announced_size:
            self._announced_size = self.size
            self._listener(WorkersChanged(self.size))
