"""The largest network of a space: who teaches the others."""

from __future__ import annotations

from aebnas.hardware.cost.cost import network_cost
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import Genome
from aebnas.task.task import Task

MAX_ROUNDS = 20


def largest_architecture(space: SearchSpace, task: Task) -> Architecture:
    """Return the network of a space with the most MACs, its early exits left out.

    Gene by gene the most expensive choice is taken until nothing changes.  MACs are a sum over layers and
    every choice adds to it or takes from it wherever the others stand, so this ends at the largest;
    where choices depend on each other (a pool before or behind a wide layer) it may be a near one.

    Args:
        space: The search space.
        task: What comes in, and how many answers there are.
    """
    genome: Genome = tuple(count - 1 for count in space.cardinalities)
    most = _macs(space, genome, task)
    for _ in range(MAX_ROUNDS):
        before = genome
        for i, count in enumerate(space.cardinalities):
            for choice in range(count):
                tried = (*genome[:i], choice, *genome[i + 1 :])
                macs = _macs(space, tried, task)
                if macs > most:
                    genome, most = tried, macs
        if genome == before:
            break
    return space.decode(genome).without_exits()


def _macs(space: SearchSpace, genome: Genome, task: Task) -> float:
    cost = network_cost(space.decode(genome).without_exits(), task)
    return float(cost.reach_macs[-1])
