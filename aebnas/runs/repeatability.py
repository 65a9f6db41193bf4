"""Whether a run came out as it would again: the mark that the report shows.

A replay finds every cause again but one, so the mark is made anew in each session
and settled when the run reaches an end:

- A candidate that failed because of the machine is part of the run as long as it is failed.
- An end by ``search.max_minutes`` is forgiven when the run is continued: complete generations
  are replayed from the seed, and the one that was cut is asked for again and filled up.
- Trainings under changed conditions (processor, GPU, code) leave no trace in the replay; they
  are kept in the store and never forgiven.

Must not import torch.
"""

from __future__ import annotations

from aebnas.evaluation.record import Evaluation
from aebnas.runs.store.store import RunStore


class Repeatability:
    """Collects why a run is not exactly repeatable, and keeps it as the fact ``not_repeatable``.

    Whether the time limit stopped the search is a fact of its own: ``out_of_time``.
    """

    def __init__(self, store: RunStore, change: str | None = None) -> None:
        """Begin a session.

        Args:
            store: The run's.
            change: How conditions differ from those in which the run began; None: not at all.
        """
        self._store = store
        self._change = change
        self._changes: list[str] = store.metadata("changes", [])
        self._failures: dict[str, str] = {}
        self._is_cut = False

    def trained(self) -> None:
        """Note that a candidate was trained in this session."""
        if self._change is not None and self._change not in self._changes:
            self._changes.append(self._change)
            self._store.put_metadata("changes", self._changes)
            self.settle()

    def answered(self, evaluation: Evaluation) -> None:
        """Note a candidate's evaluation, trained or found in the store."""
        if evaluation.is_machine_failure:
            self._failures[evaluation.key] = evaluation.status_text
            self.settle()

    def cut(self) -> None:
        """Note that the time limit stopped the search."""
        self._is_cut = True
        self.settle()

    def settle(self) -> None:
        """Keep what was noted; where nothing was, a mark of an earlier session goes."""
        self._store.put_metadata("out_of_time", self._is_cut)
        self._store.put_metadata("not_repeatable", "; ".join(self._reasons()) or None)

    def _reasons(self) -> list[str]:
        reasons = []
        if self._changes:
            reasons.append(f"candidates were trained under changed conditions ({'; '.join(self._changes)})")
        if self._failures:
            key, status = next(iter(self._failures.items()))
            others = f", and {len(self._failures) - 1} more" if len(self._failures) > 1 else ""
            reasons.append(f"candidate {key} {status}{others}")
        if self._is_cut:
            reasons.append("search.max_minutes stopped the search")
        return reasons
