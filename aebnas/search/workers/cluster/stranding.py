"""How long a pool without a single worker waits, and what it says meanwhile.

Must not import torch or ray.
"""

from __future__ import annotations

from collections.abc import Callable

from aebnas.config.schema import WorkersConfig
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.search.workers.cluster.roster import Roster

ANNOUNCE_SECONDS = 60.0
"""Without a place, after which that is told: others may use the cluster."""
NODE_MINUTES = 10
"""Within which a node has to join that can hold a worker."""


class Stranding:
    """Watches for candidates that nobody can take."""

    def __init__(self, workers: WorkersConfig, warn: Callable[[str], None], now: Callable[[], float]) -> None:
        """Watch from now on.

        Args:
            workers: The workers section.
            warn: Told what the search waits for.
            now: The clock, in seconds.
        """
        self._workers = workers
        self._warn = warn
        self._now = now
        self._since: float | None = None
        self._was_roomless = False
        self._is_announced = False

    def check(self, roster: Roster) -> None:
        """Take note of a roster while candidates wait.

        Raises:
            ClusterLostError: Nobody could take one for too long.
        """
        is_roomless = roster.size == 0
        if not roster.is_stranded:
            self._since = None
            return
        if self._since is None or is_roomless != self._was_roomless:
            self._since, self._was_roomless, self._is_announced = self._now(), is_roomless, False
        waited = self._now() - self._since
        if is_roomless:
            self._wait_for_a_node(waited)
        else:
            self._wait_for_a_place(waited)

    def _wait_for_a_node(self, waited: float) -> None:
        if self._workers.address is None:
            raise ClusterLostError("Ray on this machine has died")
        self._say(f"no node of the cluster can hold a worker; waiting up to {NODE_MINUTES} minutes for one")
        if waited > NODE_MINUTES * 60:
            raise ClusterLostError(
                f"no node that can hold a worker has joined the cluster for {NODE_MINUTES} minutes"
            )

    def _wait_for_a_place(self, waited: float) -> None:
        if waited > ANNOUNCE_SECONDS:
            others = "" if self._workers.address is None else ": others may use the cluster"
            self._say(f"no worker has been ready for {ANNOUNCE_SECONDS:g} seconds{others}; waiting")
        limit = self._workers.timeout_minutes
        if waited > limit * 60:
            raise ClusterLostError(f"no worker was ready within workers.timeout_minutes = {limit:g}")

    def _say(self, text: str) -> None:
        if not self._is_announced:
            self._is_announced = True
            self._warn(text)
