"""Random draws of distinct architectures: the first generation, and every one of random search.

Must not import torch or pymoo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from aebnas.errors import ConfigError
from aebnas.search.proposers.limits import CostViolation
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import Genome

TRIES_PER_GENOME = 2000
"""Draws before a population is taken to be as large as the space allows."""
DRAWS_BEYOND_LIMITS = 200
"""Per genome, before those least beyond the limits are taken."""
Admit = Callable[[Architecture], bool]
"""Whether an architecture may be in the first generation."""


def draw_distinct(
    space: SearchSpace,
    count: int,
    rng: np.random.Generator,
    seen_keys: set[str],
    admit: Admit | None = None,
    cost_violation: CostViolation | None = None,
) -> list[Genome]:
    """Return up to ``count`` random genomes of distinct architectures, and add their keys to ``seen_keys``.

    Where nearly nothing that is drawn is within the limits, those least beyond them are returned too.

    Args:
        space: Where to draw from.
        count: How many.
        rng: Source of randomness.
        seen_keys: Keys of architectures not to return again; changed in place.
        admit: Early rejection of architectures (EEEA-Net, arXiv 2108.06156).
        cost_violation: How far architectures are beyond limits.

    Raises:
        ConfigError: ``admit`` refused nearly every one of many draws.
    """
    draw = _Draw(admit, cost_violation)
    for _ in range(TRIES_PER_GENOME * count):
        if len(draw.genomes) == count or draw.draws_beyond == DRAWS_BEYOND_LIMITS * count:
            break
        genome = space.sample(rng)
        architecture = space.decode(genome)
        key = architecture.key()
        if key not in seen_keys and draw.admits(architecture) and draw.is_within(key, genome, architecture):
            seen_keys.add(key)
            draw.genomes.append(genome)
    nearest = draw.nearest(count - len(draw.genomes))
    seen_keys.update(nearest)
    return [*draw.genomes, *nearest.values()]


@dataclass
class _Draw:
    """What one draw has accepted, refused and put aside so far."""

    admit: Admit | None
    cost_violation: CostViolation | None
    genomes: list[Genome] = field(default_factory=list)
    """Accepted."""
    beyond: dict[str, tuple[float, Genome]] = field(default_factory=dict)
    """Put aside, as they are beyond the limits: how far, and the first genome, by architecture key."""
    draws_beyond: int = 0
    refused: int = 0

    def admits(self, architecture: Architecture) -> bool:
        """Return whether the first generation may hold an architecture.

        Raises:
            ConfigError: Next to none was admitted.
        """
        if self.admit is None or self.admit(architecture):
            return True
        self.refused += 1
        admitted = len(self.genomes) + self.draws_beyond
        if self.refused >= TRIES_PER_GENOME * (admitted + 1):
            raise ConfigError(
                f"search.initial_max_macs / initial_max_params refused {self.refused:,} random architectures "
                f"and admitted {admitted}: the limit is below what the space can build. "
                "See its sizes: aebnas check FILE"
            )
        return False

    def is_within(self, key: str, genome: Genome, architecture: Architecture) -> bool:
        """Return whether an architecture is within the limits; else put it aside."""
        if self.cost_violation is None:
            return True
        if key not in self.beyond:
            violation = self.cost_violation(architecture)
            if violation <= 0:
                return True
            self.beyond[key] = violation, genome
        self.draws_beyond += 1
        return False

    def nearest(self, count: int) -> dict[str, Genome]:
        """Return those put aside that are least beyond the limits, by architecture key."""
        keys = sorted(self.beyond, key=lambda key: self.beyond[key][0])[:count]
        return {key: self.beyond[key][1] for key in keys}


def first_size(count: int, baselines: int) -> int:
    """Return how many candidates a first generation has: at least half as many as asked for are drawn.

    Args:
        count: Asked for.
        baselines: Of the space, which come first.
    """
    return max(count, baselines + (count + 1) // 2) if baselines else count


def first_generation(
    space: SearchSpace,
    count: int,
    rng: np.random.Generator,
    seen_keys: set[str],
    admit: Admit | None = None,
    cost_violation: CostViolation | None = None,
) -> list[Genome]:
    """Return the baselines of a space, whatever they cost, then genomes drawn as by ``draw_distinct``.

    A front without them would not tell whether exits pay.
    """
    baselines = list(space.baselines())
    seen_keys.update(space.decode(genome).key() for genome in baselines)
    drawn = first_size(count, len(baselines)) - len(baselines)
    return baselines + draw_distinct(space, drawn, rng, seen_keys, admit, cost_violation)
