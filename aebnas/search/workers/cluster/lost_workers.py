"""Workers lost under a candidate (died, or gone with their node): is it to blame, is it tried again?

Must not import torch or ray.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from aebnas.evaluation.record import Status
from aebnas.search.workers.cluster.contract import Lost

MAX_LOST_NODES = 2
"""Nodes that may be lost under a candidate.  It is hardly to blame, but must not fell one after another."""


class LostWorkers:
    """Counts the workers that were lost under each candidate, by cause."""

    def __init__(self, retries: int) -> None:
        """Begin with none.

        Args:
            retries: How often a candidate is tried again whose worker died.
        """
        self._retries = retries
        self._deaths: Counter[str] = Counter()
        self._nodes: defaultdict[str, set[str]] = defaultdict(set)

    def note(self, key: str, report: Lost) -> tuple[str, Status] | None:
        """Count a lost worker; return why and how the candidate has failed, or None where it is tried again.

        Args:
            key: The candidate.
            report: How its worker was lost.
        """
        if report.cause == "node":
            self._nodes[key].add(report.node)
            lost = len(self._nodes[key])
            died = f"its worker died with {lost} nodes: {report.reason}"
            return None if lost <= MAX_LOST_NODES else (died, Status.WORKER_DIED)
        self._deaths[key] += 1
        if self._deaths[key] <= self._retries:
            return None
        if report.is_out_of_memory:
            return report.reason, Status.OUT_OF_MEMORY
        return f"its worker died {self._deaths[key]} times: {report.reason}", Status.WORKER_DIED
