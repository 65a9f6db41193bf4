"""What a run's store says of its candidates where some were trained in several parts.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.config import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.search.rung_shelf import RungShelf
from aebnas.search.store import RunStore


def told_evaluations(store: RunStore, generations: Sequence[Mapping[str, Any]]) -> list[Evaluation]:
    """Return the evaluations that the last generation was told of.

    Before the finalists of a search are all trained, and while a search that had ended is made longer, those
    that are trained count as the heirs that they were.
    """
    heirs = {} if generations and "finalists" in generations[-1] else RungShelf(store).heirs()
    return [heirs.get(one.key, one) for one in store.evaluations()]


def do_finalists_hold_front(generations: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the last generation was told with a front of trained finalists alone."""
    told = generations[-1].get("finalists") if generations else None
    return told is not None and bool(told.get("hold_front", False))


def failed_finalists(
    store: RunStore, config: SearchFile, generations: Sequence[Mapping[str, Any]]
) -> tuple[Evaluation, ...]:
    """Return the trainings of the latest finalists that failed: their heirs stand in their place."""
    finalists = generations[-1].get("finalists") if generations else None
    if config.evaluation.mode != "supernet" or not finalists:
        return ()
    failed = [one for _, one, _ in RungShelf(store).legs() if not one.is_done]
    known = finalists.get("failures")  # older runs do not say whose
    return tuple(one for one in failed if known is None or one.key in known)


def ended_trainings(
    store: RunStore, config: SearchFile, evaluations: Sequence[Evaluation]
) -> tuple[dict[str, Evaluation], list[tuple[str, str]]]:
    """Return what came of every training, by the name of its attempts, and when each ended.

    With successive halving each leg between two rungs is a training of its own, and so is a finalist's.
    """
    legs = RungShelf(store).legs()
    ended, finished = {name: one for name, one, _ in legs}, {name: at for name, _, at in legs}
    if config.evaluation.mode != "successive_halving":
        ended = {one.key: one for one in evaluations} | ended
        finished = dict(store.finished()) | finished
    return ended, list(finished.items())
