"""Who proposes the next architectures: a protocol, random search, the initial draw.

``nsga2.py`` holds the other implementation.  Must not import torch or pymoo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from aebnas.errors import ConfigError
from aebnas.runs.fronts.individuals import Individual
from aebnas.search.events import SurrogateStatus
from aebnas.search.proposers.limits import CostViolation
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import Genome

KEYS_REMEMBERED = 50_000
"""Genomes whose architecture a surrogate need not write out again."""
TRIES_PER_GENOME = 2000
"""Draws before the initial population is taken to be as large as the space allows."""
DRAWS_BEYOND_LIMITS = 200
"""Per genome, before those least beyond the limits are taken."""


class Proposer(Protocol):
    """Proposes genomes of architectures that were not proposed before."""

    def ask(self) -> list[Genome]:
        """Return the next genomes; empty where nothing new could be found."""
        ...

    def tell(self, individuals: Sequence[Individual]) -> None:
        """Learn from evaluated individuals, in ask order."""
        ...

    def status(self) -> SurrogateStatus | None:
        """Return how the surrogate did in the generation told last; None where there is none."""
        ...


Admit = Callable[[Architecture], bool]
KeyOf = Callable[[Genome], str]


def remembered_keys(space: SearchSpace) -> KeyOf:
    """Return a function from genomes to their architectures' keys that remembers its answers.

    Writing an architecture out to hash it is what takes time where thousands are only predicted.
    """

    @lru_cache(maxsize=KEYS_REMEMBERED)
    def key(genome: Genome) -> str:
        return space.decode(genome).key()

    def key_of(genome: Genome) -> str:
        return key(space.at_point(genome, space.budget_fractions[0], space.settings[0]))

    return key_of


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
    genomes: list[Genome] = []
    beyond: dict[str, tuple[float, Genome]] = {}
    refused = draws_beyond = 0
    for _ in range(TRIES_PER_GENOME * count):
        if len(genomes) == count:
            break
        genome = space.sample(rng)
        architecture = space.decode(genome)
        key = architecture.key()
        if key in seen_keys:
            continue
        if admit is not None and not admit(architecture):
            refused += 1
            admitted = len(genomes) + draws_beyond
            if refused >= TRIES_PER_GENOME * (admitted + 1):
                raise ConfigError(
                    f"search.initial_max_macs / initial_max_params refused {refused:,} random architectures "
                    f"and admitted {admitted}: the limit is below what the space can build. "
                    "See its sizes: aebnas check FILE"
                )
            continue
        if key not in beyond and cost_violation is not None and (missed := cost_violation(architecture)) > 0:
            beyond[key] = missed, genome
        if key in beyond:
            draws_beyond += 1
            if draws_beyond == DRAWS_BEYOND_LIMITS * count:
                break
            continue
        seen_keys.add(key)
        genomes.append(genome)
    nearest = sorted(beyond, key=lambda key: beyond[key][0])[: count - len(genomes)]
    seen_keys.update(nearest)
    return genomes + [beyond[key][1] for key in nearest]


class RandomProposer:
    """Random search: distinct architectures, drawn uniformly from the genomes."""

    def __init__(
        self,
        space: SearchSpace,
        count: int,
        seed: int,
        admit: Admit | None = None,
        cost_violation: CostViolation | None = None,
    ) -> None:
        """Propose ``count`` architectures at a time.

        Args:
            space: Where genomes come from.
            count: Architectures per generation.
            seed: Of the draws.
            admit: Early rejection in the first generation alone, as for NSGA-II: a baseline that
                it bound throughout would not search the same space.
            cost_violation: How far architectures are beyond limits that cost alone decides.

        Raises:
            ConfigError: ``admit`` refused nearly every draw.
        """
        self._space = space
        self._count = count
        self._rng = np.random.default_rng(seed)
        self._known: set[str] = set()
        self._cost_violation = cost_violation
        self._first: list[Genome] | None = draw_distinct(
            space, count, self._rng, self._known, admit, cost_violation
        )

    def ask(self) -> list[Genome]:
        """Return the next genomes."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return draw_distinct(
            self._space, self._count, self._rng, self._known, cost_violation=self._cost_violation
        )

    def tell(self, individuals: Sequence[Individual]) -> None:
        """Learn nothing."""

    def status(self) -> None:
        """Return None: nothing is predicted."""
