"""How long a run took, from when its trainings began and how long they lasted.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

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


def timing(attempts: Sequence[tuple[str, str]], evaluations: Iterable[Evaluation]) -> Timing:
    """Return the time a run took.

    Args:
        attempts: Key and start (ISO 8601) of every training that began.
        evaluations: Those that ended.
    """
    ended = {one.key: one for one in evaluations}
    last = {key: _instant(at) for key, at in attempts}  # of several attempts, the last one ended
    spans = sorted((at, at + (ended[key].seconds if key in ended else 0.0)) for key, at in last.items())
    wall, pauses, reached = 0.0, 0, spans[0][0] if spans else 0.0
    for start, end in spans:
        if start - reached > PAUSE_S:
            pauses += 1
            reached = start
        wall += max(0.0, end - reached)
        reached = max(reached, end)
    core = sum(one.cpu_seconds for one in ended.values())
    return Timing(wall, core, pauses, len(attempts) - sum(key in ended for key in last))


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
