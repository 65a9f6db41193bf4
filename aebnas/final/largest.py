"""The largest network of a space: who teaches the others.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import replace

from aebnas.hardware.cost import network_cost
from aebnas.space.architecture import Architecture
from aebnas.space.genes import Genome
from aebnas.space.search_space import SearchSpace

MAX_ROUNDS = 20


def largest_architecture(space: SearchSpace, in_channels: int, classes: int) -> Architecture:
    """Return the network of a space with the most MACs, its early exits left out.

    Gene by gene the dearest choice is taken until nothing changes.  MACs are a sum over layers and
    every choice adds to it or takes from it wherever the others stand, so this ends at the largest;
    where choices depend on each other (a pool before or behind a wide layer) it may be a near one.

    Args:
        space: The search space.
        in_channels: Of the images.
        classes: Their number of classes.
    """
    genome: Genome = tuple(count - 1 for count in space.cardinalities)
    most = _macs(space, genome, in_channels, classes)
    for _ in range(MAX_ROUNDS):
        before = genome
        for i, count in enumerate(space.cardinalities):
            for choice in range(count):
                tried = (*genome[:i], choice, *genome[i + 1 :])
                macs = _macs(space, tried, in_channels, classes)
                if macs > most:
                    genome, most = tried, macs
        if genome == before:
            break
    return static_of(space.decode(genome))


def static_of(architecture: Architecture) -> Architecture:
    """Return the same network without early exits."""
    return replace(architecture, exits=())


def _macs(space: SearchSpace, genome: Genome, in_channels: int, classes: int) -> float:
    cost = network_cost(static_of(space.decode(genome)), in_channels, classes)
    return float(cost.reach_macs[-1])
