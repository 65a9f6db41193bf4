"""From evaluations to what the search sees: objectives, violations, operating points.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aebnas.config.sections.constraints import bound_violations
from aebnas.evaluation.goals import Goals
from aebnas.evaluation.plan import Plan
from aebnas.evaluation.record import Evaluation
from aebnas.runs.fronts.pareto import hypervolume, non_dominated
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome
from aebnas.task.metrics.table import metric_of


@dataclass(frozen=True)
class Individual:
    """One operating point of one trained architecture, as the search sees it."""

    genome: Genome
    key: str
    """The architecture's."""
    budget_fraction: float
    objectives: tuple[float, ...]
    """Minimised."""
    violations: tuple[float, ...]
    """One per constraint, scaled; <= 0 where it holds."""
    setting: str = ""
    """Of the exit policy, where it is a gene."""
    choices: tuple[float, ...] = ()
    """Every choice of ``budget_fraction`` that leads here, its own among them; empty: its own alone."""
    metrics: Mapping[str, float] = field(default_factory=dict, compare=False)
    """Everything that was measured at this point: what a surrogate learns from."""

    @property
    def is_feasible(self) -> bool:
        """Return whether every constraint holds."""
        return all(violation <= 0 for violation in self.violations)

    @property
    def violation(self) -> float:
        """Return how far all constraints together are missed, as NSGA-II ranks it; 0 where they hold."""
        return sum(max(0.0, violation) for violation in self.violations)


@dataclass(frozen=True)
class FrontPoint:
    """One point of the Pareto front."""

    key: str
    budget_fraction: float
    metrics: dict[str, float]
    setting: str = ""
    """Of the exit policy, where it is a gene."""

    def name(self) -> list[str | float]:
        """Return what finds the point again: key, budget fraction and, where it is a gene, setting."""
        return [self.key, self.budget_fraction, *([self.setting] if self.setting else [])]


TARGET = "target"
"""Among an individual's metrics: how far it is beyond the target of ``exits``, as a violation."""


def individual(
    genome: Genome, budget_fraction: float, evaluation: Evaluation, goals: Goals, setting: str = ""
) -> Individual:
    """Return one operating point of a finished candidate as the search sees it."""
    point, metrics = (
        evaluation.point_index(budget_fraction, setting),
        metrics_at(evaluation, budget_fraction, setting),
    )
    choices = tuple(
        fraction for fraction in goals.budget_fractions if evaluation.point_index(fraction, setting) == point
    )
    return Individual(
        genome,
        evaluation.key,
        budget_fraction,
        *values_and_violations(metrics, goals),
        setting=setting,
        choices=choices,
        metrics=metrics,
    )


def values_and_violations(
    metrics: Mapping[str, float], goals: Goals
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the objectives and the violations of one operating point.

    Args:
        metrics: Of the point; with ``TARGET`` where ``exits`` has a target.
        goals: Objectives and constraints.
    """
    objectives = tuple(metric_of(name).minimised(metrics[name]) for name in goals.objectives)
    return objectives, violations_of(metrics, goals)


def violations_of(metrics: Mapping[str, float], goals: Goals) -> tuple[float, ...]:
    """Return how far one operating point is beyond every limit, that of a target last."""
    violations = tuple(
        violation
        for name, bound in goals.constraints.items()
        for violation in bound_violations(metrics[name], bound)
    )
    return (*violations, metrics[TARGET]) if TARGET in metrics else violations


def metrics_at(evaluation: Evaluation, budget_fraction: float, setting: str = "") -> dict[str, float]:
    """Return what was measured at one operating point, with ``TARGET`` where ``exits`` has a target."""
    missed = evaluation.violation(setting)
    metrics = evaluation.metrics(budget_fraction, setting)
    return metrics if missed is None else metrics | {TARGET: missed}


def advice_on_inherited(goals: Goals, plan: Plan, accuracies: Iterable[float]) -> str | None:
    """Return what limits on accuracy mean where candidates inherit; None: they do not, or some are within.

    Args:
        goals: Objectives and constraints.
        plan: The fidelities.
        accuracies: Of candidates that are not trained, on select.
    """
    best = max(accuracies, default=None)
    if not plan.shares_weights or best is None:
        return None
    reached = {"accuracy": best, "error": 1 - best}
    limited = [
        name
        for name, bound in goals.constraints.items()
        if name in reached and max(bound_violations(reached[name], bound)) > 0
    ]
    if not limited:
        return None
    cure = f"Loosen constraints.{limited[0]} for the search"
    if not plan.finals:
        cure += ", or train the best in its end: evaluation.fidelities=[inherited, {trained: 9, keep: 10}]"
    return (
        f"Accuracies are those that candidates inherit, lower than training gives (here at most {best:.1%}). "
        f"{cure}."
    )


def with_free_points(
    space: SearchSpace, asked: Sequence[Genome], evaluations: dict[str, Evaluation], goals: Goals
) -> list[Individual]:
    """Return the individuals of a generation: those asked for, then their other operating points.

    A training serves every choice of ``budget_fraction`` and every setting of the exit policy; the others
    join in ask order.  Choices that lead to the same point of the curve are one individual, the first.

    Args:
        space: Decodes the genomes.
        asked: Genomes in ask order.
        evaluations: By architecture key; failed and missing ones are left out.
        goals: Objectives and constraints.
    """
    seen: set[tuple[str, int]] = set()
    individuals: list[Individual] = []
    evaluated = ((genome, evaluations.get(space.decode(genome).key())) for genome in asked)
    done = [(genome, evaluation) for genome, evaluation in evaluated if evaluation and evaluation.is_done]

    def join(genome: Genome, evaluation: Evaluation, budget_fraction: float, setting: str) -> None:
        point = (evaluation.key, evaluation.point_index(budget_fraction, setting))
        if point not in seen:
            seen.add(point)
            individuals.append(individual(genome, budget_fraction, evaluation, goals, setting))

    for genome, evaluation in done:
        join(genome, evaluation, space.budget_fraction(genome), space.setting(genome))
    for genome, evaluation in done:
        for setting in space.settings:
            for budget_fraction in space.budget_fractions:
                moved = space.at_point(genome, budget_fraction, setting)
                join(moved, evaluation, budget_fraction, setting)
    return individuals


def worth_keeping(individuals: Sequence[Individual], front: Sequence[FrontPoint], misses: int) -> set[str]:
    """Return the architectures whose weights and logits are kept.

    Args:
        individuals: All so far, in the order in which they were told.
        front: The feasible ones that no other dominates.
        misses: How many architectures to keep where the front is empty: those that miss the constraints
            least, as the search ranks them, of equal ones the earlier.  Who is not among them never will
            be again, so that nothing is missing later that was deleted before.
    """
    if front:
        return {point.key for point in front}
    nearest = dict.fromkeys(
        candidate.key for candidate in sorted(individuals, key=lambda candidate: candidate.violation)
    )
    return set(list(nearest)[:misses])


def dominated_share(individuals: Sequence[Individual], reference: Sequence[float]) -> float:
    """Return the share of the box between 0 and the reference that the feasible ones dominate."""
    feasible = [candidate.objectives for candidate in individuals if candidate.is_feasible]
    if not feasible:
        return 0.0
    return hypervolume(np.asarray(feasible), tuple(reference)) / float(np.prod(reference))


def pareto_front(
    individuals: Sequence[Individual], evaluations: dict[str, Evaluation]
) -> tuple[FrontPoint, ...]:
    """Return the feasible individuals that no other dominates, by rising error."""
    feasible = [candidate for candidate in individuals if candidate.is_feasible]
    if not feasible:
        return ()
    mask = non_dominated(np.asarray([candidate.objectives for candidate in feasible]))
    front = [candidate for candidate, is_on in zip(feasible, mask, strict=True) if is_on]
    points = [
        FrontPoint(
            candidate.key,
            candidate.budget_fraction,
            evaluations[candidate.key].metrics(candidate.budget_fraction, candidate.setting),
            candidate.setting,
        )
        for candidate in front
    ]
    return tuple(sorted(points, key=lambda point: (point.metrics["error"], point.metrics["macs"], point.key)))
