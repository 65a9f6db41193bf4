"""The inner search: NSGA-II over predictions, which cost nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from aebnas.config.schema import SearchConfig
from aebnas.runs.fronts.individuals import Individual
from aebnas.search.proposers.draws import DRAWS_BEYOND_LIMITS
from aebnas.search.proposers.limits import CostViolation
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.search.proposers.surrogate.prediction import Surrogate
from aebnas.space.genes import Genome

DRAWS_PER_GENOME = 20
MATINGS = 5
"""Matings of a generation before the space around the front is taken to be known."""
OPTIMISM = (0.5, 1.0, 2.0)
"""Deviations by which errors may turn out lower, tried in turn where too few candidates promise a gain:
the front of a noisy quantity is made of what came out better than expected."""


def promising(
    surrogate: Surrogate,
    trained: Sequence[Individual],
    seen_keys: Collection[str],
    config: SearchConfig,
    seed: int,
) -> list[Genome]:
    """Return new architectures that an NSGA-II on the surrogate met, at most one genome of each.

    Args:
        surrogate: Tells operating points.
        trained: The trained individuals; the best of them are among the first parents.
        seen_keys: Keys of architectures not to return.
        config: Operators and options.
        seed: Of the inner search.
    """
    options = config.surrogate_options
    initial = fresh_genomes(surrogate, seen_keys, options.inner_population, seed)
    if not initial:
        return []
    size = {"population": options.inner_population, "offspring": options.inner_population, "seed": seed}
    inner = Nsga2Proposer(
        surrogate.archive.space,
        config.model_copy(update=size),
        objectives=len(trained[0].objectives),
        constraints=len(trained[0].violations),
        initial=initial,
        seen_keys=seen_keys,
        tries=MATINGS,
        key_of=surrogate.key_of,
    )
    genomes: list[Genome] = []
    for number in range(options.inner_generations):
        asked = inner.ask()
        genomes += asked
        if len(asked) < options.inner_population / 10:
            break
        predicted = [point for points in surrogate.individuals(asked, OPTIMISM[0]) for point in points]
        inner.tell([*trained, *predicted] if number == 0 else predicted)
    return genomes


def fresh_genomes(
    surrogate: Surrogate,
    seen_keys: Collection[str],
    count: int,
    seed: int,
    cost_violation: CostViolation | None = None,
) -> list[Genome]:
    """Return random genomes of unknown architectures; fewer where hardly any are left, or within the limits.

    Args:
        surrogate: Holds the space.
        seen_keys: Keys of architectures not to return.
        count: How many.
        seed: Of the draws.
        cost_violation: How far architectures are beyond limits: those beyond are not returned.
    """
    rng, seen = np.random.default_rng(seed), set(seen_keys)
    genomes: list[Genome] = []
    for _ in range((DRAWS_PER_GENOME if cost_violation is None else DRAWS_BEYOND_LIMITS) * count):
        if len(genomes) == count:
            break
        genome = surrogate.archive.space.sample(rng)
        key = surrogate.key_of(genome)
        if key not in seen:
            seen.add(key)
            if cost_violation is None or not cost_violation(surrogate.archive.space.decode(genome)):
                genomes.append(genome)
    return genomes
