"""The roster of a pool: who is asked for, who is ready, who works, on how many places.

A candidate goes only to workers that are ready: one that finds no place holds nothing back.

Must not import torch or ray.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from aebnas.search.workers.cluster.contract import Cluster
from aebnas.search.workers.cluster.nodes import Node, worker_capacity


class Roster:
    """Asks a cluster for as many workers as are of use and have a place."""

    def __init__(
        self, cluster: Cluster, nodes: Sequence[Node], cpus: float, gpus: float, limit: int | None
    ) -> None:
        """Ask for nobody yet.

        Args:
            cluster: Where workers live.
            nodes: Those of it that are up.
            cpus: Cores of one worker.
            gpus: GPUs of one worker.
            limit: Workers at most; None: as many as the cluster holds.
        """
        self._cluster = cluster
        self._needs = (cpus, gpus)
        self._limit = limit
        self._held: int | None = None
        self._nodes = {node.name: node for node in nodes}
        self._awaited: list[int] = []
        self._idle: deque[int] = deque()
        self._busy: set[int] = set()
        self._homes: dict[int, str] = {}
        self._last = 0

    @property
    def size(self) -> int:
        """Return how many workers have a place, asked for or not."""
        room = worker_capacity(self._nodes.values(), *self._needs)
        return min([room] + [limit for limit in (self._limit, self._held) if limit is not None])

    @property
    def is_stranded(self) -> bool:
        """Return whether nobody works or could."""
        return not self._busy and not self._idle

    def hire(self, waiting: int) -> None:
        """Ask for the workers that this many waiting candidates could use."""
        of_use = min(self.size, len(self._busy) + waiting)
        for _ in range(of_use - len(self._busy) - len(self._idle) - len(self._awaited)):
            self._last += 1
            self._awaited.append(self._last)
            self._cluster.hire(self._last)

    def ready(self, worker: int, node: str) -> None:
        """Take in a worker that found a place."""
        if worker in self._awaited:
            self._awaited.remove(worker)
            self._homes[worker] = node
            self._idle.append(worker)

    def take(self) -> int | None:
        """Return a ready worker, busy from now on, or None."""
        if not self._idle:
            return None
        worker = self._idle.popleft()
        self._busy.add(worker)
        return worker

    def free(self, worker: int) -> None:
        """Take back a worker that answered."""
        self._busy.discard(worker)
        self._idle.append(worker)

    def strike(self, worker: int) -> None:
        """Forget a worker, and end what may be left of it."""
        if worker in self._awaited:
            self._awaited.remove(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        self._busy.discard(worker)
        self._homes.pop(worker, None)
        self._cluster.dismiss(worker)

    def node_lost(self, name: str) -> None:
        """Forget a node, and those who idle there: the next candidates would only find them dead."""
        self._nodes.pop(name, None)
        for worker in [worker for worker in self._idle if self._homes.get(worker) == name]:
            self.strike(worker)

    def hold(self) -> bool:
        """Ask for nobody more until nodes change; return whether anybody is there."""
        self._held = len(self._busy) + len(self._idle)
        self._release_surplus()
        return self._held > 0

    def update(self, nodes: Sequence[Node]) -> None:
        """Learn which nodes are up; ask no longer for workers that no node can hold."""
        now = {node.name: node for node in nodes}
        if now.keys() != self._nodes.keys():
            self._held = None
        for name in self._nodes.keys() - now.keys():
            self.node_lost(name)
        self._nodes = now
        self._release_surplus()

    def _release_surplus(self) -> None:
        surplus = len(self._busy) + len(self._idle) + len(self._awaited) - self.size
        for worker in self._awaited[::-1][: max(0, surplus)]:
            self.strike(worker)
