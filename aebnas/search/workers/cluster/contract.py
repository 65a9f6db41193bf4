"""What the pool asks of a cluster, and what it is told.  Must not import torch or ray."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from aebnas.config.schema import WorkersConfig
from aebnas.errors import WorkerError
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Outcome
from aebnas.extensions.consent import Permit, permit
from aebnas.search.workers.cluster.nodes import Node
from aebnas.space.api import Architecture


class ClusterLostError(WorkerError):
    """The cluster, or what speaks to it, is gone in mid-search; what is finished is kept."""


class UnreachableError(WorkerError):
    """Nothing answers at ``workers.address``."""


@dataclass(frozen=True)
class WorkerReady:
    """A worker found a place and has loaded its data."""

    worker: int
    node: str


@dataclass(frozen=True)
class Finished:
    """A worker answered; it is free again."""

    worker: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """A worker is no more, or no use any more."""

    worker: int
    reason: str
    """One line that a person understands."""
    cause: Literal["candidate", "start", "node"]
    """Died with its candidate, before its first one, or with the whole machine."""
    node: str = ""
    """Of the worker, where that is known."""
    is_out_of_memory: bool = False
    """Whether its candidate needed more memory than there is."""


@dataclass(frozen=True)
class News:
    """What happened since the last time, and the nodes that are up."""

    reports: tuple[WorkerReady | Finished | Lost, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Job:
    """What every worker needs; large parts go to shared memory once."""

    settings: bytes
    """How candidates are trained and scored, pickled: workers read it once code from outside may be run."""
    splits: Any
    costs: Any
    shared: Any
    """What the fidelities of the plan prepared."""
    code: Permit = field(default_factory=permit)
    """Whether workers may run code from outside."""


class Cluster(Protocol):
    """Places workers and passes candidates to them.  Whatever is asked may find it lost.

    Every method may raise ``ClusterLostError``.
    """

    def begin(
        self, workers: WorkersConfig, count: int, gpus: float, shared_bytes: int, seconds: float
    ) -> tuple[Node, ...]:
        """Start Ray here, or connect; return the nodes that are up.

        Args:
            workers: The workers section.
            count: Number of workers of a local Ray.
            gpus: GPUs of one worker of a local Ray.
            shared_bytes: Size of what workers share.
            seconds: To do it in.

        Raises:
            WorkerError: Ray does not start or cannot be reached.
        """
        ...

    def share(self, job: Job, cpus: float, gpus: float) -> None:
        """Take in what every worker needs, and how much of a node each takes."""
        ...

    def hire(self, worker: int) -> None:
        """Ask for a worker; ``WorkerReady`` or ``Lost`` follows, or nothing as long as it finds no place."""
        ...

    def submit(self, worker: int, architecture: Architecture, step: Step) -> None:
        """Give a ready worker a candidate; ``Finished`` or ``Lost`` follows."""
        ...

    def dismiss(self, worker: int) -> None:
        """End a worker, whatever it does; nothing more is heard of it."""
        ...

    def poll(self, seconds: float) -> News:
        """Wait that long for something to happen."""
        ...

    def close(self) -> None:
        """End all workers; never raises."""
        ...
