"""A generation on its way through the fidelities of a plan: after each one, a share goes on.

Who goes on follows from the whole generation.  A fidelity that the store knows is not repeated.  Must not
import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Fidelity
from aebnas.evaluation.record import Evaluation
from aebnas.search.events import FidelityFinished, Listener
from aebnas.search.fidelity.promotion import keys_best_first
from aebnas.search.fidelity.steps import FidelitySteps
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import Genome

OnEvaluation = Callable[[Evaluation, bool, int], None]
"""Told each candidate once it goes no further, whether the store knew it, and how many are still in work."""


class GenerationEvaluator:
    """Takes the generations of one search through its plan."""

    def __init__(self, steps: FidelitySteps, space: SearchSpace, goals: Goals, listener: Listener) -> None:
        """Prepare for one search.

        Args:
            steps: Of the search.
            space: Decodes the genomes.
            goals: Says what the better candidates are.
            listener: Told who goes on.
        """
        self._steps, self._space, self._goals, self._listener = steps, space, goals, listener

    def evaluate(self, asked: Sequence[Genome], on_evaluation: OnEvaluation) -> bool:
        """Evaluate a generation; return whether it came to its end, or the time was up.

        Args:
            asked: Genomes in ask order.
            on_evaluation: Told every candidate that was evaluated at all, also where the time is up.
        """
        batch = {a.key(): a for a in (self._space.decode(genome) for genome in asked)}
        fidelities, rest = self._steps.plan.of_generations, list(batch)
        for fidelity in fidelities:
            is_last = fidelity is fidelities[-1]
            listener = on_evaluation if is_last else None
            evaluations = self._take([batch[key] for key in rest], fidelity, listener)
            if len(evaluations) < len(rest):
                self._cut(rest, evaluations, fidelity, on_evaluation)
                return False
            going = set[str]() if is_last else self._going_on(asked, evaluations, fidelity.level + 1)
            if not is_last:
                for key in rest:
                    if key not in going:
                        on_evaluation(evaluations[key], key not in self._steps.trained, 0)
            if len(fidelities) > 1 and any(key in self._steps.trained for key in rest):
                counts = (fidelity.level + 1, len(fidelities), fidelity.epochs, len(rest), len(going))
                self._listener(FidelityFinished(*counts))
            rest = [key for key in rest if key in going]
            if not rest:
                break
        return True

    def _take(
        self, architectures: Sequence[Architecture], fidelity: Fidelity, on_evaluation: OnEvaluation | None
    ) -> dict[str, Evaluation]:
        """Return what candidates are at a fidelity; what is unknown is taken there."""
        evaluations = {}
        for architecture in architectures:
            evaluation = self._steps.find(architecture.key(), fidelity.level)
            if evaluation is not None:
                evaluations[evaluation.key] = evaluation
                if on_evaluation is not None:
                    on_evaluation(evaluation, evaluation.key not in self._steps.trained, 0)
        unknown = [architecture for architecture in architectures if architecture.key() not in evaluations]
        remaining = len(unknown)
        for evaluation in self._steps.take(unknown, fidelity.level):
            remaining -= 1
            evaluations[evaluation.key] = evaluation
            if on_evaluation is not None:
                on_evaluation(evaluation, False, remaining)
        return evaluations

    def _going_on(
        self, asked: Sequence[Genome], evaluations: Mapping[str, Evaluation], level: int
    ) -> set[str]:
        done = {key: evaluation for key, evaluation in evaluations.items() if evaluation.is_done}
        ranked = keys_best_first(self._space, asked, done, self._goals)
        return set(ranked[: self._steps.plan.going_on(level, len(done))])

    def _cut(
        self,
        rest: Sequence[str],
        evaluations: Mapping[str, Evaluation],
        fidelity: Fidelity,
        on_evaluation: OnEvaluation,
    ) -> None:
        """Settle what the end of the time left: each candidate as far as it came."""
        is_last = fidelity is self._steps.plan.of_generations[-1]
        for key in rest:
            evaluation = evaluations.get(key)
            if evaluation is None and fidelity.level:
                evaluation = self._steps.find(key, fidelity.level - 1)
            elif is_last:
                evaluation = None
            if evaluation is not None:
                on_evaluation(evaluation, key not in self._steps.trained, 0)
