"""The history of a search: its evaluations, the individuals that the proposer was told, the front of both.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aebnas.evaluation.record import Evaluation
from aebnas.runs.fronts.individuals import (
    FrontPoint,
    Individual,
    advice_on_inherited,
    dominated_share,
    pareto_front,
    with_free_points,
    worth_keeping,
)
from aebnas.search.events import Generation
from aebnas.search.fidelity.finals import FinalsOutcome
from aebnas.search.fidelity.keeping import best_so_far
from aebnas.search.fidelity.promotion import finished_at, keys_best_first
from aebnas.search.loop.budget import TrainingBudget
from aebnas.search.problem import SearchProblem
from aebnas.space.genes import Genome


class SearchHistory:
    """All candidates of one search up to now."""

    def __init__(self, problem: SearchProblem, reference: tuple[float, ...]) -> None:
        """Begin with none.

        Args:
            problem: What is searched, and for what.
            reference: Worst point of the hypervolume.
        """
        self._space, self._goals, self._plan = problem.space, problem.goals, problem.plan
        self._population = problem.search.population
        self.reference = reference
        self.evaluations: dict[str, Evaluation] = {}
        """By architecture key, each at the last fidelity that the candidate has reached."""
        self.individuals: list[Individual] = []
        """In the order in which the proposer was told."""

    def add(self, evaluation: Evaluation) -> None:
        """Take in a candidate that was evaluated."""
        self.evaluations[evaluation.key] = evaluation

    def add_generation(self, asked: Sequence[Genome]) -> list[Individual]:
        """Return the individuals of a generation, which belong to the history from now on.

        Args:
            asked: Genomes in ask order; those that failed or were not evaluated lead to no individual.
        """
        individuals = with_free_points(self._space, asked, self.evaluations, self._goals)
        self.individuals += individuals
        return individuals

    def replace(self, ended: FinalsOutcome) -> None:
        """Take candidates as their final trainings left them."""
        self.evaluations, self.individuals = ended.evaluations, ended.individuals

    def keys(self, asked: Sequence[Genome]) -> list[str]:
        """Return the architecture keys of genomes."""
        return [self._space.decode(genome).key() for genome in asked]

    def failed(self, keys: Iterable[str]) -> list[Evaluation]:
        """Return the evaluations of those among candidates that failed."""
        evaluations = (self.evaluations[key] for key in keys if key in self.evaluations)
        return [evaluation for evaluation in evaluations if not evaluation.is_done]

    def front(self, individuals: Sequence[Individual] | None = None) -> tuple[FrontPoint, ...]:
        """Return the Pareto front of individuals; default: of all."""
        return pareto_front(self.individuals if individuals is None else individuals, self.evaluations)

    def hypervolume(self, individuals: Sequence[Individual] | None = None) -> float:
        """Return what individuals dominate, as a share of the box up to ``reference``; default: all."""
        return dominated_share(self.individuals if individuals is None else individuals, self.reference)

    def worth_keeping(self, front: Sequence[FrontPoint]) -> set[str]:
        """Return the candidates whose weights and logits are kept: front, nearest misses, best so far."""
        return worth_keeping(self.individuals, front, self._population) | self._best_so_far()

    def generation(
        self, number: int, asked: Sequence[Genome], is_complete: bool, budget: TrainingBudget
    ) -> Generation:
        """Return what a generation came to, without what its proposer says of it.

        Args:
            number: From 1.
            asked: Genomes in ask order.
            is_complete: False where the search was stopped in its middle.
            budget: Counts the trainings.
        """
        keys = self.keys(asked)
        reached = {key: self.evaluations[key].fidelity for key in keys if key in self.evaluations}
        return Generation(
            number=number,
            proposed=tuple(dict.fromkeys(keys)),
            trainings=len(self.evaluations),
            failed=len(self.failed(self.evaluations)),
            hypervolume=self.hypervolume(),
            front=self.front(),
            is_complete=is_complete,
            full_trainings=budget.full_trainings(self.evaluations),
            reached=reached if self._plan.halves else {},
        )

    def advice_on_limits(self) -> str | None:
        """Return what limits on accuracy mean for candidates that inherit; None: they refuse none of them."""
        accuracies = (individual.metrics["accuracy"] for individual in self.individuals)
        return advice_on_inherited(self._goals, self._plan, accuracies)

    def _best_so_far(self) -> set[str]:
        """Return who would be taken further, if that begins with weights that have to be kept for it."""
        if not self._plan.finals or not self._plan.finals[0].continues:
            return set()
        done = finished_at(self._plan.of_generations[-1].name, self.evaluations)
        genomes = [individual.genome for individual in self.individuals]
        return best_so_far(self._plan, keys_best_first(self._space, genomes, done, self._goals))
