"""What a search starts from: its proposer, and the worst point of its hypervolume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aebnas.config.schema import SearchFile
from aebnas.config.sections.constraints import full_name
from aebnas.evaluation.plan import plan_of
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.search.proposers.api import Admit, Proposer, RandomProposer
from aebnas.search.proposers.exact import ExactCost, ExactCosts
from aebnas.search.proposers.limits import cost_violation_of
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.space.api import Architecture, SearchSpace
from aebnas.task.metrics.table import metric_of
from aebnas.task.task import Task

REFERENCE_SAMPLES = 100
"""Random architectures whose largest costs are the reference of the hypervolume."""


def make_proposer(
    config: SearchFile,
    space: SearchSpace,
    task: Task,
    devices: DeviceCosts | None = None,
) -> Proposer:
    """Return the search's proposer, its first generation drawn.

    Args:
        config: The whole search-space file.
        space: Its space.
        task: What comes in, and how many answers there are.
        devices: The devices of the search; a surrogate, and limits on their quantities, count with them.

    Raises:
        HardwareError: A layer was not measured.
        ConfigError: ``search.initial_max_macs`` or ``initial_max_params`` admits hardly anything.
    """
    search, admit = config.search, _early_rejection(config, task)
    devices = DeviceCosts() if devices is None else devices
    exact = ExactCosts(task, devices)
    cost_violation = cost_violation_of(config, exact)
    if search.algorithm == "random" or not space.genes:
        return RandomProposer(
            space, search.offspring or search.population, search.seed, admit, cost_violation
        )
    constraints = sum((b.min is not None) + (b.max is not None) for b in config.constraints.values())
    constraints += config.exits.target is not None
    plain = Nsga2Proposer(space, search, len(config.objectives), constraints, admit, cost_violation)
    if search.surrogate == "none":
        return plain
    from aebnas.search.proposers.surrogate.proposer import (
        SurrogateProposer,  # importing scikit-learn takes a second
    )

    worst = reference(config, space, task, devices)
    return SurrogateProposer(config, space, plain, exact, worst, cost_violation=cost_violation)


def planned_candidates(config: SearchFile) -> int:
    """Return the candidates of a whole search, if no clock ends it early and nothing fails."""
    search, plan, total = config.search, plan_of(config), 0
    offspring = search.offspring or search.population
    first = offspring if search.algorithm == "random" else search.population
    planned = first + (search.generations - 1) * offspring
    if not plan.halves or search.max_trainings is None:
        return min(planned, search.max_trainings or planned)
    left = search.max_trainings * plan.full_epochs
    for number in range(search.generations):
        wanted = offspring if number else first
        batch = plan.affordable(wanted, left)
        total, left = total + batch, left - plan.cost_of_batch(batch)
        if batch < wanted:
            break
    return total


def reference(config: SearchFile, space: SearchSpace, task: Task, devices: DeviceCosts) -> tuple[float, ...]:
    """Return the worst point of the hypervolume: of shares 1, of costs the largest of a fixed sample.

    Args:
        config: The objectives.
        space: Where the sample is drawn.
        task: What comes in, and how many answers there are.
        devices: The devices of the search.
    """
    rng = np.random.default_rng(0)
    samples = [space.decode(space.sample(rng)) for _ in range(REFERENCE_SAMPLES)]
    exact = ExactCosts(task, devices)
    costs = [exact.of(sample) for sample in samples]
    names = [full_name(name, config.profiles) for name in config.objectives]
    return tuple(_worst(name, costs) for name in names)


def _worst(name: str, costs: Sequence[ExactCost]) -> float:
    """Return the worst of an objective as the search minimises it."""
    spans = [span for span in (cost.span(name) for cost in costs) if span is not None]
    return metric_of(name).worst_of(max((last for _, last in spans), default=None))


def has_first_limits(config: SearchFile) -> bool:
    """Return whether the first generation has limits of its own, which can be too tight."""
    return config.search.initial_max_macs is not None or config.search.initial_max_params is not None


def _early_rejection(config: SearchFile, task: Task) -> Admit | None:
    """Return which architectures the first generation may hold; None: all."""
    max_macs, max_params = config.search.initial_max_macs, config.search.initial_max_params
    if not has_first_limits(config):
        return None

    def admit(architecture: Architecture) -> bool:
        cost = network_cost(architecture, task)
        return bool(cost.reach_macs[-1] <= (max_macs or np.inf) and cost.params <= (max_params or np.inf))

    return admit
