"""How long a run took, from when its trainings began and how long they lasted.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

from aebnas.evaluation.record import Evaluation

PAUSE_S = 120.0
"""A longer time in which nothing trained is a pause (an interrupted run), not the search's work."""


@dataclass(frozen=True)
class Timing:
    """Time that a run took."""

    wall_s: float
    """From the first training's start to the last one's end, pauses left out."""
    core_s: float
    """Processor time of all trainings that ended."""
    pauses: int
    lost_attempts: int
    """Trainings that began and never ended: interrupted, or their worker died."""


def timing(attempts: Sequence[tuple[str, str]], ended: Mapping[str, Evaluation]) -> Timing:
    """Return the time a run took.

    Args:
        attempts: Name and start (ISO 8601) of every training that began.
        ended: What came of those that ended, by name.
    """
    last = {key: _instant(at) for key, at in attempts}  # of several attempts, the last one ended
    spans = sorted((at, at + (ended[key].seconds if key in ended else 0.0)) for key, at in last.items())
    wall, pauses, reached = 0.0, 0, spans[0][0] if spans else 0.0
    for start, end in spans:
        if start - reached > PAUSE_S:
            pauses += 1
            reached = start
        wall += max(0.0, end - reached)
        reached = max(reached, end)
    core = sum(evaluation.cpu_seconds for evaluation in ended.values())
    return Timing(wall, core, pauses, len(attempts) - sum(key in ended for key in last))


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@dataclass(frozen=True)
class Workload:
    """How busy the workers were."""

    workers: int
    """Most trainings that ran at once."""
    share: float
    """Of the workers' time, pauses left out, that went into trainings."""
    seconds: float
    """Length of the time that ``busy`` covers."""
    busy: tuple[float, ...]
    """Mean number of busy workers in equal steps of that time."""


def workload(
    attempts: Sequence[tuple[str, str]], finished: Sequence[tuple[str, str]], steps: int = 120
) -> Workload | None:
    """Return how busy the workers were; None before anything finished.

    Args:
        attempts: Name and start (ISO 8601) of every training that began.
        finished: Name and time (ISO 8601) of every outcome that was stored.
        steps: Length of ``busy``.
    """
    starts = {key: _instant(at) for key, at in attempts}  # of several attempts, the last one ended
    ends = {key: _instant(at) for key, at in finished}
    spans = sorted((starts[key], end) for key, end in ends.items() if key in starts and end >= starts[key])
    spans = _without_pauses(spans)
    length = max((end for _, end in spans), default=0.0)
    if length <= 0:
        return None
    edges = [length * i / steps for i in range(steps + 1)]
    busy = [
        sum(max(0.0, min(end, high) - max(start, low)) for start, end in spans) / (high - low)
        for low, high in pairwise(edges)
    ]
    workers = _most_at_once(spans)
    spent = sum(end - start for start, end in spans)
    return Workload(workers, spent / (workers * length), length, tuple(busy))


def _without_pauses(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return spans from 0 on, moved together where nothing trained for longer than ``PAUSE_S``."""
    moved: list[tuple[float, float]] = []
    skipped = reached = spans[0][0] if spans else 0.0
    for start, end in spans:
        if start - reached > PAUSE_S:
            skipped += start - reached
        moved.append((start - skipped, end - skipped))
        reached = max(reached, end)
    return moved


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    # ends before starts of the same instant: a worker that takes its next candidate is one worker
    changes = sorted([(end, -1) for _, end in spans] + [(start, 1) for start, _ in spans])
    return max(1, *accumulate(change for _, change in changes))
