"""Which weights and logits a search keeps: those of its front, and what it may still go on from.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation

Artefact = tuple[str, str]
"""Weights and logits of a candidate at a fidelity."""


class KeptArtefacts:
    """Forgets what one search needs no more."""

    def __init__(self, store: RunStore, plan: Plan) -> None:
        """Read what the front of an earlier end had, which a replay must not delete."""
        self._store, self._plan = store, plan
        self._spared = {
            str(point[0]) for generation in store.generations()[-1:] for point in generation["front"]
        }
        self._open: set[str] = set()
        self._kept: set[Artefact] = set()

    def after_generation(
        self, generation: Generation, evaluations: Mapping[str, Evaluation], kept: Set[str], is_cut: bool
    ) -> None:
        """Forget what no later generation needs.

        Args:
            generation: Told and complete.
            evaluations: Of all candidates so far, as they stand.
            kept: The candidates that are worth it: on the front, nearest misses, the best so far.
            is_cut: Whether the generation is smaller than it would be: a longer search fills it up, and may
                take others further.
        """
        failed = any(evaluations[key].is_machine_failure for key in generation.proposed)
        if self._plan.halves and (is_cut or failed):
            self._open |= set(generation.proposed)
        self._kept = {(key, evaluations[key].fidelity) for key in kept}
        finals = {fidelity.name for fidelity in self._plan.finals}
        spare = {
            (key, name)
            for key, name in self._store.artefacts.kept()
            if key in evaluations and key not in self._spared and name not in finals
        }
        self._forget(spare)

    def after_end(self, candidates: Iterable[Evaluation]) -> None:
        """Forget everything but what the last generation kept, and what some candidates are now."""
        self._kept |= {(evaluation.key, evaluation.fidelity) for evaluation in candidates}
        self._forget(self._store.artefacts.kept())

    def _forget(self, artefacts: Iterable[Artefact]) -> None:
        self._store.artefacts.forget(
            artefact for artefact in artefacts if artefact not in self._kept and artefact[0] not in self._open
        )


def best_so_far(plan: Plan, ranked: Sequence[str]) -> set[str]:
    """Return who would be taken further, from the weights it has, if the search ended now."""
    if not plan.finals or not plan.finals[0].continues:
        return set()
    return set(ranked[: int(plan.finals[0].keep or 0)])
