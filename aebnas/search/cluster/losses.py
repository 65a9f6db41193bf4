"""Who is to blame for a lost worker, and whether its candidate is tried again.

Must not import torch or ray.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from aebnas.evaluation.record import OUT_OF_MEMORY, WORKER_DIED
from aebnas.search.cluster.contract import Lost

MAX_LOST_NODES = 2
"""Nodes that may be lost under a candidate.  It is hardly to blame, but must not fell one after another."""


class Losses:
    """Counts what each candidate's workers died of."""

    def __init__(self, retries: int) -> None:
        """Begin with none.

        Args:
            retries: How often a candidate is tried again whose worker died.
        """
        self._retries = retries
        self._deaths: Counter[str] = Counter()
        self._nodes: defaultdict[str, set[str]] = defaultdict(set)

    def note(self, key: str, report: Lost) -> str | None:
        """Count a loss; return why the candidate has failed, or None where it is tried again.

        Args:
            key: The candidate.
            report: How its worker was lost.
        """
        if report.cause == "node":
            self._nodes[key].add(report.node)
            lost = len(self._nodes[key])
            return None if lost <= MAX_LOST_NODES else f"{WORKER_DIED} with {lost} nodes: {report.reason}"
        self._deaths[key] += 1
        if self._deaths[key] <= self._retries:
            return None
        if report.reason.startswith(OUT_OF_MEMORY):
            return report.reason
        return f"{WORKER_DIED} {self._deaths[key]} times: {report.reason}"
