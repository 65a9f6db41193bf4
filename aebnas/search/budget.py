"""What ``search.max_trainings`` allows: candidates, or with halving epochs.  Must not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.rungs import Ladder
from aebnas.space.genes import Genome


class Budget:
    """Cuts the batch that would exceed it."""

    def __init__(self, config: SearchFile, ladder: Ladder | None) -> None:
        """Take the limit and, with successive halving, the rungs."""
        self._limit, self._epochs, self._ladder = config.search.max_trainings, config.training.epochs, ladder

    def affordable(
        self, proposed: Sequence[Genome], evaluations: Mapping[str, Evaluation]
    ) -> Sequence[Genome]:
        """Return what is left for a batch, behind all evaluations so far."""
        if self._limit is None:
            return proposed
        if self._ladder is None:
            return proposed[: max(0, self._limit - len(evaluations))]
        left = self._limit * self._epochs - _spent(evaluations)
        return proposed[: self._ladder.affordable(len(proposed), left)]

    def full_trainings(self, evaluations: Mapping[str, Evaluation]) -> float | None:
        """Return what trainings of different lengths are worth in full ones; None where each is one."""
        return None if self._ladder is None else _spent(evaluations) / self._epochs


def _spent(evaluations: Mapping[str, Evaluation]) -> int:
    """Return the epochs of all trainings, those of failed ones included."""
    return sum(one.epochs or 0 for one in evaluations.values())
