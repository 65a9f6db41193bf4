"""Who proposes the next architectures: a protocol, and random search.

``nsga2.py`` and ``surrogate/`` hold the other implementations.  Must not import torch or pymoo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from aebnas.runs.fronts.individuals import Individual
from aebnas.search.events import SurrogateStatus
from aebnas.search.proposers.draws import Admit, draw_distinct, first_generation
from aebnas.search.proposers.limits import CostViolation
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome

KEYS_REMEMBERED = 50_000
"""Genomes whose architecture a surrogate need not write out again."""


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
        self._first: list[Genome] | None = first_generation(
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
