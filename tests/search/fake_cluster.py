"""A cluster without Ray: nodes come and go, workers are placed on them, time is a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from search.fakes import fake_outcome

from aebnas.config.schema import WorkersConfig
from aebnas.evaluation.plan import Step
from aebnas.search.workers.cluster.contract import ClusterLostError, Finished, Job, Lost, News, WorkerReady
from aebnas.search.workers.cluster.nodes import Node, worker_capacity
from aebnas.space.architecture import StagedArchitecture


@dataclass
class _Member:
    node: str | None = None
    """None: no place yet."""
    work: StagedArchitecture | None = None
    since: float = 0.0


class FakeCluster:
    """Places workers where there is room; a training takes ``seconds``."""

    def __init__(self, *nodes: Node, seconds: float = 5.0, taken: float = 0.0) -> None:
        """Be up, with nobody.

        Args:
            nodes: Those that are up.
            seconds: Of a training.
            taken: Cores of each node that others use.
        """
        self.nodes = {node.name: node for node in nodes}
        self.hidden: set[str] = set()
        """Nodes that are down, which the head has not noticed yet."""
        self.seconds = seconds
        self.taken = taken
        self.time = 0.0
        self.members: dict[int, _Member] = {}
        self.homes: dict[int, str] = {}
        """Of those whose node was lost."""
        self.plans: list[tuple[float, Callable[[], None]]] = []
        self.submitted: list[tuple[float, int, str]] = []
        self.fate: Callable[[int, StagedArchitecture], Lost | None] = lambda worker, architecture: None
        self.breaks_at_start: Callable[[str], bool] = lambda node: False
        self.is_gone = False
        self.begun = 0
        self._reports: list[WorkerReady | Finished | Lost] = []
        self._needs = (1.0, 0.0)

    def now(self) -> float:
        return self.time

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Let something happen later."""
        self.plans.append((seconds, act))

    def lose(self, name: str, is_noticed: bool = True) -> None:
        """Lose a node with all who live there."""
        self.hidden.add(name)
        if is_noticed:
            self.notice(name)
        for worker, member in list(self.members.items()):
            if member.node == name:
                if member.work is not None:
                    self._reports.append(Lost(worker, f"node {name} was lost", "node", name))
                self.homes[worker], member.node = name, "nowhere"

    def notice(self, name: str) -> None:
        self.nodes.pop(name, None)

    def join(self, node: Node) -> None:
        self.nodes[node.name] = node

    def begin(
        self, workers: WorkersConfig, count: int, gpus: float, shared_bytes: int, seconds: float
    ) -> tuple[Node, ...]:
        self.begun += 1
        self._check()
        return tuple(self.nodes.values())

    def share(self, job: Job, cpus: float, gpus: float) -> None:
        self._needs = (cpus, gpus)

    def hire(self, worker: int) -> None:
        self._check()
        self.members[worker] = _Member()

    def submit(self, worker: int, architecture: StagedArchitecture, step: Step) -> None:
        self._check()
        member = self.members[worker]
        if member.node == "nowhere":
            name = self.homes[worker]
            assert name in self.nodes, "a candidate went to a worker that is known to be dead"
            self._reports.append(Lost(worker, f"node {name} was lost", "node", name))
        assert member.work is None
        assert member.node is not None, "a candidate went to a worker without a place"
        member.work, member.since = architecture, self.time
        self.submitted.append((self.time, worker, architecture.key()))

    def dismiss(self, worker: int) -> None:
        self._check()
        self.members.pop(worker, None)

    def poll(self, seconds: float) -> News:
        self._check()
        self.time += seconds
        for plan in [plan for plan in self.plans if plan[0] <= self.time]:
            self.plans.remove(plan)
            plan[1]()
        self._check()
        self._place()
        self._work()
        reports, self._reports = tuple(self._reports), []
        return News(reports, tuple(self.nodes.values()))

    def close(self) -> None:
        self.members = {}

    def _check(self) -> None:
        if self.is_gone:
            raise ClusterLostError("Ray is gone (no answer)")

    def _place(self) -> None:
        for worker, member in list(self.members.items()):
            if member.node is None:
                member.node = next(self._with_room(), None)
                if member.node is not None and self.breaks_at_start(member.node):
                    self._reports.append(Lost(worker, "no such module", "start"))
                elif member.node is not None:
                    self._reports.append(WorkerReady(worker, member.node))

    def _with_room(self) -> Iterator[str]:
        for name, node in self.nodes.items():
            used = sum(member.node == name for member in self.members.values())
            room = Node(name, name, node.cpus - self.taken, node.gpus)
            if name not in self.hidden and used < worker_capacity([room], *self._needs):
                yield name

    def _work(self) -> None:
        for worker, member in self.members.items():
            if member.work is None or member.node == "nowhere":
                continue
            lost = self.fate(worker, member.work)
            if lost is not None:
                self._reports.append(lost)
            elif self.time - member.since >= self.seconds:
                self._reports.append(Finished(worker, fake_outcome(member.work)))
                member.work = None
