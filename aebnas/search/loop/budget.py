"""What ``search.max_trainings`` allows: candidates, or epochs where a share of them is trained further.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation
from aebnas.space.genes import Genome


class TrainingBudget:
    """Cuts the batch that would exceed it."""

    def __init__(self, max_trainings: int | None, plan: Plan) -> None:
        """Take the limit and the plan of the search."""
        self._limit, self._plan = max_trainings, plan

    def affordable(
        self, proposed: Sequence[Genome], evaluations: Mapping[str, Evaluation]
    ) -> Sequence[Genome]:
        """Return what is left for a batch, behind all evaluations so far."""
        if self._limit is None:
            return proposed
        if not self._plan.halves:
            return proposed[: max(0, self._limit - len(evaluations))]
        left = self._limit * self._plan.full_epochs - self._spent(evaluations)
        return proposed[: self._plan.affordable(len(proposed), left)]

    def full_trainings(self, evaluations: Mapping[str, Evaluation]) -> float | None:
        """Return what trainings of different lengths are worth in full ones; None where each is one."""
        return self._spent(evaluations) / self._plan.full_epochs if self._plan.halves else None

    def _spent(self, evaluations: Mapping[str, Evaluation]) -> int:
        """Return the epochs of all trainings, those of failed ones included."""
        levels = (self._plan.named(evaluation.fidelity).level for evaluation in evaluations.values())
        return sum(self._plan.cost(level) for level in levels)
