"""Integer operators on genomes: nothing is rounded, every choice can be reached.

Numpy only; ``nsga2.py`` hands them to pymoo.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def random_reset(
    genomes: IntArray, cardinalities: IntArray, rate: float, rng: np.random.Generator
) -> IntArray:
    """Return genomes in which each gene changes with probability ``rate``, at least one in each.

    A gene that changes takes one of its *other* choices, all equally likely.

    Args:
        genomes: Shape ``(n, genes)``.
        cardinalities: Number of choices of each gene, >= 2; shape ``(genes,)``.
        rate: Probability per gene.
        rng: Source of randomness.
    """
    n, genes = genomes.shape
    mask = rng.random((n, genes)) < rate
    mask[np.arange(n), rng.integers(genes, size=n)] |= ~mask.any(axis=1)
    shift = 1 + (rng.random((n, genes)) * (cardinalities - 1)).astype(np.int64)
    return np.where(mask, (genomes + shift) % cardinalities, genomes)


def exchange(parents: IntArray, groups: IntArray, mode: str, rng: np.random.Generator) -> IntArray:
    """Return two children per pair of parents: genes or whole groups change places.

    Args:
        parents: Shape ``(2, pairs, genes)``.
        groups: Group (stage or exit) of each gene; shape ``(genes,)``.
        mode: ``uniform`` exchanges each gene, ``stagewise`` each group with probability 1/2,
            ``mixed`` takes either for each pair.
        rng: Source of randomness.

    Returns:
        Shape ``(2, pairs, genes)``.
    """
    _, pairs, genes = parents.shape
    by_gene = rng.random((pairs, genes)) < 0.5
    group_draws: NDArray[np.bool_] = rng.random((pairs, int(groups.max()) + 1)) < 0.5
    by_group = group_draws[:, groups]
    share = {"uniform": 0.0, "stagewise": 1.0, "mixed": 0.5}[mode]
    is_stagewise = np.less(rng.random(pairs), share)
    swap = np.where(is_stagewise[:, None], by_group, by_gene)
    first, second = parents
    return np.stack([np.where(swap, second, first), np.where(swap, first, second)])
