"""The cluster as the search sees it: a process aside that speaks to Ray, each request within a time.

That is how a dead head is noticed: nothing answers any more, whatever Ray waits for.

Must not import torch or ray.
"""

from __future__ import annotations

from typing import Any

from aebnas.config.schema import WorkersConfig
from aebnas.evaluation.plan import Step
from aebnas.search.workers.cluster.aside import Aside, GoneError
from aebnas.search.workers.cluster.contract import ClusterLostError, Job, News
from aebnas.search.workers.cluster.nodes import Node
from aebnas.space.api import Architecture

ANSWER_SECONDS = 25.0
"""After which a cluster that says nothing is lost; a head may restart within them."""
SHARE_SECONDS = 1800.0
"""To copy images and weights to shared memory."""


class RemoteCluster:
    """A ``Cluster`` in a process aside."""

    def __init__(self) -> None:
        """Start the process, not Ray yet."""
        self._aside = Aside("aebnas.search.workers.cluster.actors", "serve_cluster")

    def begin(
        self, workers: WorkersConfig, count: int, gpus: float, shared_bytes: int, seconds: float
    ) -> tuple[Node, ...]:
        """Start Ray there, or connect."""
        nodes: tuple[Node, ...] = self._ask(seconds, "begin", workers, count, gpus, shared_bytes)
        return nodes

    def share(self, job: Job, cpus: float, gpus: float) -> None:
        """Pass on what every worker needs."""
        self._ask(SHARE_SECONDS, "share", job, cpus, gpus)

    def hire(self, worker: int) -> None:
        """Ask for a worker."""
        self._ask(ANSWER_SECONDS, "hire", worker)

    def submit(self, worker: int, architecture: Architecture, step: Step) -> None:
        """Give a worker a candidate."""
        self._ask(ANSWER_SECONDS, "submit", worker, architecture, step)

    def dismiss(self, worker: int) -> None:
        """End a worker."""
        self._ask(ANSWER_SECONDS, "dismiss", worker)

    def poll(self, seconds: float) -> News:
        """Wait for something to happen."""
        news: News = self._ask(seconds + ANSWER_SECONDS, "poll", seconds)
        return news

    def close(self) -> None:
        """End Ray, or leave the cluster."""
        self._aside.close()

    def _ask(self, seconds: float, name: str, *arguments: Any) -> Any:
        try:
            return self._aside.call(seconds, name, *arguments)
        except GoneError as error:
            self._aside.close(seconds=0)  # whatever it waits for would not come
            raise ClusterLostError(f"Ray is gone ({error})") from error
