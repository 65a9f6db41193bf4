"""Architectures as numbers that regressions understand.

Genes that are active in an architecture become ordinals (numbers) or indicators
(words); inactive ones are 0 everywhere, so that two genomes of one network are one
row.  Counted quantities follow: total MACs, parameters, and for each exit position
whether an exit is there and what it takes to leave.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aebnas.search.proposers.exact import ExactCost
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.genes import BUDGET_FRACTION, Gene

FloatArray = NDArray[np.float64]


class ArchitectureFeatures:
    """Turns architectures of one space into rows of equal length."""

    def __init__(self, space: SearchSpace) -> None:
        """Lay out the columns.

        Args:
            space: Whose architectures will come.
        """
        self._space = space
        self._genes = [gene for gene in space.genes if gene.name != BUDGET_FRACTION]
        self._positions = space.exit_positions

    def row(self, architecture: Architecture, cost: ExactCost) -> FloatArray:
        """Return the features of one architecture, shape ``(features,)``.

        Args:
            architecture: In this space.
            cost: What it costs exactly.
        """
        active = self._space.active_genes(architecture)
        genes = [value for gene in self._genes for value in _coded(gene, active.get(gene.name))]
        return np.asarray([*genes, *self._counted(architecture, cost)], float)

    def _counted(self, architecture: Architecture, cost: ExactCost) -> list[float]:
        """Return logarithms of sizes, and per exit position: is there one, its MACs, their share of all."""
        reach = cost.reach["macs"]
        present = {name: i for i, name in enumerate(architecture.exit_names)}
        columns = [float(np.log(reach[-1] + 1)), float(np.log(cost.network.params + 1))]
        for position in self._positions:
            i = present.get(position)
            share = 0.0 if i is None else float(reach[i] / reach[-1])
            columns += [float(i is not None), share, 0.0 if i is None else float(np.log(reach[i] + 1))]
        return columns


def _coded(gene: Gene, index: int | None) -> list[float]:
    """Return a gene's columns: one rank in [-1, 1] for numbers, else an indicator per choice."""
    count = len(gene.choices)
    is_count_of_modules = gene.name.endswith(".modules")
    is_number = all(
        isinstance(choice, int | float) and not isinstance(choice, bool) for choice in gene.choices
    )
    if is_number and not is_count_of_modules:
        return [0.0 if index is None else 2.0 * index / (count - 1) - 1.0]
    return [float(index == i) for i in range(count)]
