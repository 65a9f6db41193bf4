"""What a search starts from: its proposer, and the worst point of its hypervolume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from aebnas.config.schema import SearchConfig
from aebnas.evaluation.plan import Plan
from aebnas.hardware.cost.cost import network_cost
from aebnas.search.problem import SearchProblem
from aebnas.search.proposers.api import Proposer, RandomProposer
from aebnas.search.proposers.draws import Admit, first_size
from aebnas.search.proposers.exact import ExactCost, ExactCosts
from aebnas.search.proposers.limits import cost_violation_of
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.space.api import Architecture
from aebnas.task.metrics.table import metric_of
from aebnas.task.task import Task

REFERENCE_SAMPLES = 100
"""Random architectures whose largest costs are the reference of the hypervolume."""


def make_proposer(problem: SearchProblem) -> Proposer:
    """Return the search's proposer, its first generation drawn.

    Args:
        problem: What is searched; a surrogate, and limits on quantities of devices, count with its devices.

    Raises:
        HardwareError: A layer was not measured.
        ConfigError: ``search.initial_max_macs`` or ``initial_max_params`` admits hardly anything.
    """
    name = problem.search.algorithm if problem.space.genes else "random"
    return PROPOSERS[name](problem)


def _random(problem: SearchProblem) -> Proposer:
    search, admit = problem.search, _early_rejection(problem.search, problem.task)
    exact = ExactCosts(problem.task, problem.devices)
    count = search.offspring or search.population
    return RandomProposer(problem.space, count, search.seed, admit, cost_violation_of(problem.goals, exact))


def _nsga2(problem: SearchProblem) -> Proposer:
    search, goals, space = problem.search, problem.goals, problem.space
    admit = _early_rejection(search, problem.task)
    exact = ExactCosts(problem.task, problem.devices)
    violation = cost_violation_of(goals, exact)
    plain = Nsga2Proposer(space, search, len(goals.objectives), goals.limits, admit, violation)
    if search.surrogate == "none":
        return plain
    from aebnas.search.proposers.surrogate.proposer import (
        SurrogateProposer,  # importing scikit-learn takes a second
    )

    return SurrogateProposer(goals, search, space, plain, exact, reference(problem), cost_violation=violation)


PROPOSERS: Mapping[str, Callable[[SearchProblem], Proposer]] = {"nsga2": _nsga2, "random": _random}
"""By the name of ``search.algorithm``."""


def planned_candidates(search: SearchConfig, plan: Plan, baselines: int = 0) -> int:
    """Return the candidates of a whole search, if no clock ends it early and nothing fails.

    Args:
        search: How it goes.
        plan: Its fidelities.
        baselines: Of the space, which come first.
    """
    total, offspring = 0, search.offspring or search.population
    first = first_size(offspring if search.algorithm == "random" else search.population, baselines)
    planned = first + (search.generations - 1) * offspring
    if not plan.halves or search.max_trainings is None:
        return min(planned, search.max_trainings or planned)
    left = search.max_trainings * plan.full_epochs
    for number in range(search.generations):
        size = offspring if number else first
        batch = plan.affordable(size, left)
        total, left = total + batch, left - plan.cost_of_batch(batch)
        if batch < size:
            break
    return total


def reference(problem: SearchProblem) -> tuple[float, ...]:
    """Return the worst point of the hypervolume: of shares 1, of costs the largest of a fixed sample."""
    space, goals = problem.space, problem.goals
    rng = np.random.default_rng(0)
    samples = [space.decode(space.sample(rng)) for _ in range(REFERENCE_SAMPLES)]
    exact = ExactCosts(problem.task, problem.devices)
    costs = [exact.of(sample) for sample in samples]
    return tuple(_worst(goals.full_name(name), costs) for name in goals.objectives)


def _worst(name: str, costs: Sequence[ExactCost]) -> float:
    """Return the worst of an objective as the search minimises it."""
    spans = [span for span in (cost.span(name) for cost in costs) if span is not None]
    return metric_of(name).worst_of(max((last for _, last in spans), default=None))


def has_first_limits(search: SearchConfig) -> bool:
    """Return whether the first generation has limits of its own, which can be too tight."""
    return search.initial_max_macs is not None or search.initial_max_params is not None


def _early_rejection(search: SearchConfig, task: Task) -> Admit | None:
    """Return which architectures the first generation may hold; None: all."""
    max_macs, max_params = search.initial_max_macs, search.initial_max_params
    if not has_first_limits(search):
        return None

    def admit(architecture: Architecture) -> bool:
        cost = network_cost(architecture, task)
        return bool(cost.reach_macs[-1] <= (max_macs or np.inf) and cost.params <= (max_params or np.inf))

    return admit
