"""The end of a search whose plan takes the best candidates further: their final trainings.

What a candidate inherits, or has after a few epochs, ranks it; what its network can do it shows once it is
trained.  The best are those that survivors would be: by non-dominated rank and crowding among all that stand
at the fidelity before, those left out whose training would exceed ``evaluation.max_training_macs``.  Once all
of them are trained they alone hold the front: the most accurate of hundreds on one set of images is mostly
the luckiest.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Fidelity
from aebnas.evaluation.record import Evaluation
from aebnas.runs.fidelity_status import FinalTraining, finals_of, front_level
from aebnas.runs.fronts.individuals import Individual, with_free_points
from aebnas.search.events import FinalsChosen, Listener, Warned
from aebnas.search.fidelity.generations import OnEvaluation
from aebnas.search.fidelity.promotion import finished_at, keys_best_first
from aebnas.search.fidelity.steps import FidelitySteps
from aebnas.space.api import SearchSpace


@dataclass
class FinalsOutcome:
    """A search whose best candidates were taken further."""

    individuals: list[Individual]
    """Of all candidates, as they stand."""
    evaluations: dict[str, Evaluation]
    """The same by key."""
    finals: list[FinalTraining] = field(default_factory=list)

    @property
    def is_left_open(self) -> bool:
        """Return whether the time did not allow all of it."""
        return any(final.left for final in self.finals)


class FinalTrainings:
    """Takes the best of one search further."""

    def __init__(
        self,
        steps: FidelitySteps,
        space: SearchSpace,
        goals: Goals,
        most_macs: float | None,
        listener: Listener,
    ) -> None:
        """Read whom an earlier end of the run took further.

        Args:
            steps: Of the search.
            space: Decodes the genomes.
            goals: Says what the better candidates are.
            most_macs: Limit on the MACs of a training, over all images and epochs; None: there is none.
            listener: Told who goes on.
        """
        self._steps, self._space, self._goals, self._listener = steps, space, goals, listener
        self._most_macs = most_macs
        self._before = {key for final in finals_of(steps.store.generations()) for key in final.trained}

    def run(
        self,
        individuals: Sequence[Individual],
        evaluations: Mapping[str, Evaluation],
        on_evaluation: OnEvaluation,
    ) -> FinalsOutcome:
        """Take the best further, as many as the time allows.

        Args:
            individuals: Of the whole search, in the order in which they were told.
            evaluations: Of its candidates, by key.
            on_evaluation: Told what came of each, and whether the store knew it.
        """
        ended = FinalsOutcome(list(individuals), dict(evaluations))
        for fidelity in self._steps.plan.finals:
            ended.finals.append(self._train(fidelity, individuals, ended, on_evaluation))
            if ended.is_left_open:
                break
        trained = {key for final in ended.finals for key in final.trained}
        genomes = [individual.genome for individual in individuals if individual.key in trained]
        left = [individual for individual in individuals if individual.key not in trained]
        further = {key: ended.evaluations[key] for key in trained}
        ended.individuals = left + with_free_points(self._space, genomes, further, self._goals)
        self._warn_of_others(len(self._before - trained))
        return ended

    def on_front(self, ended: FinalsOutcome) -> list[Individual]:
        """Return those of whom the front is made: all, or those alone that their final training put there."""
        plan = self._steps.plan
        level = front_level(plan, ended.finals)
        levels = {key: plan.named(evaluation.fidelity).level for key, evaluation in ended.evaluations.items()}
        return [individual for individual in ended.individuals if levels[individual.key] >= level]

    def _train(
        self,
        fidelity: Fidelity,
        individuals: Sequence[Individual],
        ended: FinalsOutcome,
        on_evaluation: OnEvaluation,
    ) -> FinalTraining:
        """Take the best that stand at the fidelity before to this one, and put them into ``ended``."""
        before = self._steps.plan.fidelities[fidelity.level - 1].name
        done = finished_at(before, ended.evaluations)
        genomes = [individual.genome for individual in individuals]
        ranked = keys_best_first(self._space, genomes, done, self._goals)
        best = self._allowed(ranked, done, fidelity)[: int(fidelity.keep or 0)]
        evaluations = self._evaluated(best, done, fidelity, on_evaluation)
        ended.evaluations |= {
            key: evaluation for key, evaluation in evaluations.items() if evaluation.is_done
        }
        return FinalTraining(
            fidelity=fidelity.name,
            epochs=fidelity.epochs,
            chosen=len(best),
            trained=tuple(key for key in best if key in evaluations and evaluations[key].is_done),
            failed=tuple(key for key in best if key in evaluations and not evaluations[key].is_done),
            hold_front=self._hold_front(best, evaluations, genomes),
        )

    def _evaluated(
        self,
        best: Sequence[str],
        done: Mapping[str, Evaluation],
        fidelity: Fidelity,
        on_evaluation: OnEvaluation,
    ) -> dict[str, Evaluation]:
        """Return candidates at a fidelity, by key: as stored, or taken there as far as the time allows."""
        stored = {key: self._steps.find(key, fidelity.level) for key in best}
        evaluations = {key: evaluation for key, evaluation in stored.items() if evaluation is not None}
        unknown = [done[key].architecture for key in best if key not in evaluations]
        if best:
            self._listener(FinalsChosen(len(best), len(unknown), fidelity.epochs, done[best[0]].fidelity))
        for evaluation in list(evaluations.values()):
            on_evaluation(evaluation, True, 0)
        for evaluation in self._steps.take(unknown, fidelity.level):
            evaluations[evaluation.key] = evaluation
            on_evaluation(evaluation, False, 0)
        return evaluations

    def _hold_front(
        self, best: Sequence[str], evaluations: Mapping[str, Evaluation], genomes: Sequence[tuple[int, ...]]
    ) -> bool:
        """Return whether those that were taken further alone hold the front.

        Not while one may still get there, by more time or another try, nor where none is feasible.
        """
        if len(evaluations) < len(best) or any(
            evaluation.is_machine_failure for evaluation in evaluations.values()
        ):
            return False
        points = with_free_points(self._space, genomes, dict(evaluations), self._goals)
        return any(point.is_feasible for point in points)

    def _allowed(
        self, ranked: Sequence[str], evaluations: Mapping[str, Evaluation], fidelity: Fidelity
    ) -> list[str]:
        """Return the candidates whose further training is within the limit on that of one."""
        limit, images = self._most_macs, self._steps.store.metadata("train_images")
        if limit is None or images is None:
            return list(ranked)
        most = limit / (images * fidelity.epochs)
        allowed_keys = [key for key in ranked if evaluations[key].reach_macs[-1] <= most]
        if len(allowed_keys) < min(int(fidelity.keep or 0), len(ranked)):
            self._listener(
                Warned(
                    f"only {len(allowed_keys)} of {len(ranked)} candidates may be trained further; others "
                    f"exceed evaluation.max_training_macs = {limit:.3g} in {fidelity.epochs} epochs"
                )
            )
        return allowed_keys

    def _warn_of_others(self, number: int) -> None:
        if number:
            self._listener(
                Warned(
                    f"{number} that an earlier end of this run trained further are not among its best any "
                    "more, and count with what they were before"
                )
            )
