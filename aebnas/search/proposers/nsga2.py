"""NSGA-II through pymoo's ask and tell (IEEE TEVC 6(2), 2002); the only pymoo import.

Departures from pymoo's defaults, each with its reason: integer operators (float
ones with truncation cannot reach some choices); duplicates are architectures
seen before, whatever their genome (every operating point of a trained network is
told for free, so proposing it again teaches nothing); survival keeps
``population`` individuals in the first generation too, at most a few of one
architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.config import Config
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.survival import Survival
from pymoo.core.termination import NoTermination
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

from aebnas.config.schema import SearchConfig
from aebnas.runs.fronts.individuals import Individual
from aebnas.search.proposers.api import KeyOf
from aebnas.search.proposers.draws import Admit, first_generation
from aebnas.search.proposers.limits import CostViolation
from aebnas.search.proposers.operators import exchange, random_reset
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome

GENES_CHANGED = 1.5
"""Mean number of genes that mutation changes, where ``mutation_rate`` is not given."""

MATING_TRIES = 100
"""Matings before the space is taken to be used up, pymoo's default."""
MATINGS_WITHIN_LIMITS = 50
"""Matings of a generation before children beyond the limits are taken too."""


class Nsga2Proposer:
    """NSGA-II over the genomes of a space."""

    def __init__(
        self,
        space: SearchSpace,
        config: SearchConfig,
        objectives: int,
        constraints: int,
        admit: Admit | None = None,
        cost_violation: CostViolation | None = None,
        initial: Sequence[Genome] | None = None,
        seen_keys: Iterable[str] = (),
        tries: int = MATING_TRIES,
        key_of: KeyOf | None = None,
    ) -> None:
        """Set up the algorithm.

        Args:
            space: Where genomes come from.
            config: Population, operators, seed.
            objectives: Number of objectives.
            constraints: Number of constraints.
            admit: Early rejection in the initial population.
            cost_violation: How far architectures are beyond limits that cost alone decides.
            initial: The initial population, at least one genome; default: drawn from the seed.
            seen_keys: Keys of architectures never to propose.
            tries: Matings in a generation before it stays smaller than asked for.
            key_of: The key of a genome's architecture; default: written out each time.
        """
        Config.warnings["not_compiled"] = False
        self._known: set[str] = set(seen_keys)
        if initial is None:
            rng = np.random.default_rng(config.seed)
            initial = first_generation(space, config.population, rng, self._known, admit, cost_violation)
        self._duplicates = _KnownArchitectures(
            key_of or (lambda genome: space.decode(genome).key()),
            self._known,
            None if cost_violation is None else lambda genome: cost_violation(space.decode(genome)),
        )
        self._algorithm = _algorithm(space, config, initial, self._duplicates)
        self._algorithm.mating.n_max_iterations = tries
        problem = Problem(
            n_var=len(space.cardinalities),
            n_obj=objectives,
            n_ieq_constr=constraints,
            xl=0,
            xu=np.asarray(space.cardinalities, np.int64) - 1,
            vtype=int,
        )
        self._algorithm.setup(problem, seed=config.seed, termination=NoTermination())

    def ask(self, count: int | None = None) -> list[Genome]:
        """Return genomes of new architectures; fewer than asked for where the space runs dry.

        Args:
            count: The first so many alone; those left out may come again.
        """
        self._duplicates.begin()
        population = self._algorithm.ask()
        if population is None:
            return []
        population = population[:count]
        self._known.update(self._duplicates.keys(population))
        return _genomes(population)

    def know(self, keys: Iterable[str]) -> None:
        """Take architectures as proposed, whoever did it."""
        self._known.update(keys)

    def tell(self, individuals: Sequence[Individual]) -> None:
        """Merge evaluated individuals into the population, in the order given."""
        if not individuals:
            return
        genomes = np.asarray([individual.genome for individual in individuals], np.int64)
        population = Population.new(
            X=genomes,
            F=np.asarray([individual.objectives for individual in individuals], float),
            G=np.asarray([individual.violations for individual in individuals], float).reshape(
                len(genomes), -1
            ),
            architecture=np.asarray([individual.key for individual in individuals], object),
        )
        self._algorithm.tell(infills=population)

    def status(self) -> None:
        """Return None: nothing is predicted."""


def _algorithm(
    space: SearchSpace, config: SearchConfig, initial: Sequence[Genome], duplicates: DuplicateElimination
) -> NSGA2:
    """Return NSGA-II with our operators, not set up for a problem."""
    cards = np.asarray(space.cardinalities, np.int64)
    groups = np.unique([gene.group for gene in space.genes], return_inverse=True)[1]
    rate = config.mutation_rate or min(0.5, GENES_CHANGED / len(cards))
    return NSGA2(
        pop_size=config.population,
        n_offsprings=config.offspring or config.population,
        sampling=np.asarray(initial, np.int64),
        crossover=_Exchange(groups, config.crossover, config.crossover_rate),
        mutation=_RandomReset(cards, rate),
        survival=_Survival(config.population, config.max_per_architecture),
        eliminate_duplicates=duplicates,
    )


class _KnownArchitectures(DuplicateElimination):
    """Removes individuals whose architecture was proposed before, here or among the others given.

    Those beyond the limits too, in the first matings of a generation.
    """

    def __init__(
        self, key_of: KeyOf, seen_keys: set[str], cost_violation: Callable[[Genome], float] | None
    ) -> None:
        super().__init__()
        self._key_of = key_of
        self._known = seen_keys
        self._cost_violation = cost_violation
        self._matings = 0

    def begin(self) -> None:
        """Begin a generation."""
        self._matings = 0

    def keys(self, population: Any) -> list[str]:
        return [self._key_of(genome) for genome in _genomes(population)]

    def do(self, pop: Any, *others: Any, return_indices: bool = False, to_itself: bool = True) -> Any:
        if not others:
            return pop  # the initial draw, which is distinct
        self._matings += 1
        cost_violation = self._cost_violation if self._matings <= MATINGS_WITHIN_LIMITS else None
        seen = self._known.union(self.keys(others[-1]) if len(others[-1]) else ())
        keep = []
        for i, genome in enumerate(_genomes(pop)):
            key = self._key_of(genome)
            if key in seen or (cost_violation is not None and cost_violation(genome) > 0):
                continue
            seen.add(key)
            keep.append(i)
        return pop[keep]


def _genomes(population: Any) -> list[Genome]:
    return [tuple(int(gene) for gene in genome) for genome in population.get("X")]


class _Exchange(Crossover):
    def __init__(self, groups: Any, mode: str, rate: float) -> None:
        super().__init__(2, 2, prob=rate)
        self._groups = groups
        self._mode = mode

    def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> Any:
        return exchange(X.astype(np.int64), self._groups, self._mode, random_state)


class _RandomReset(Mutation):
    def __init__(self, cardinalities: Any, rate: float) -> None:
        super().__init__()
        self._cardinalities = cardinalities
        self._rate = rate

    def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> Any:
        return random_reset(X.astype(np.int64), self._cardinalities, self._rate, random_state)


class _Survival(Survival):
    """Feasible before infeasible, rank before crowding, a few of each architecture at most."""

    def __init__(self, population: int, max_per_architecture: int) -> None:
        super().__init__(filter_infeasible=False)
        self._population = population
        self._max = max_per_architecture
        self._rank_and_crowding = RankAndCrowding()

    def _do(self, problem: Any, pop: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> Any:
        violation = pop.get("CV")[:, 0]
        feasible = np.flatnonzero(violation <= 0)
        order: list[int] = []
        pop.set("rank", len(pop))
        pop.set("crowding", 0.0)
        if len(feasible):
            survivors = pop[feasible]
            self._rank_and_crowding.do(
                problem, survivors, n_survive=len(survivors), random_state=random_state
            )
            rank, crowding = survivors.get("rank"), survivors.get("crowding")
            order = [int(feasible[i]) for i in np.lexsort((-crowding.astype(float), rank.astype(int)))]
        infeasible = np.flatnonzero(violation > 0)
        order += [int(i) for i in infeasible[np.argsort(violation[infeasible], kind="stable")]]
        return pop[self._capped(order, pop.get("architecture"))]

    def _capped(self, order: list[int], architectures: Any) -> list[int]:
        kept: list[int] = []
        counts: dict[str, int] = {}
        for i in order:
            count = counts.get(architectures[i], 0)
            if count < self._max and len(kept) < self._population:
                counts[architectures[i]] = count + 1
                kept.append(i)
        return kept
