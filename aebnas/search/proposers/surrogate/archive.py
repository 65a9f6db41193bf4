"""What a surrogate learns from: one row per trained architecture, one column per budget fraction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aebnas.runs.fronts.individuals import Individual
from aebnas.search.proposers.api import KEYS_REMEMBERED
from aebnas.search.proposers.exact import ExactCost, ExactCosts
from aebnas.search.proposers.surrogate.features import ArchitectureFeatures
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome

FloatArray = NDArray[np.float64]


class Archive:
    """Trained architectures with their features, costs and measurements, in the order told."""

    def __init__(self, space: SearchSpace, exact: ExactCosts, names: Sequence[str]) -> None:
        """Begin empty.

        Args:
            space: Of the architectures.
            exact: Counts them.
            names: Quantities that are modelled.
        """
        self.space = space
        self.names = tuple(names)
        self.individuals: list[Individual] = []
        self.keys: list[str] = []
        self.costs: list[ExactCost] = []
        self._exact = exact
        self._features = ArchitectureFeatures(space)
        self._rows: list[FloatArray] = []
        self._describe = lru_cache(maxsize=KEYS_REMEMBERED)(self._described)
        self._measured: dict[str, list[FloatArray]] = {name: [] for name in names}

    def __len__(self) -> int:
        """Return the number of architectures."""
        return len(self.keys)

    @property
    def rows(self) -> FloatArray:
        """Return the features, shape ``(n, features)``."""
        return np.stack(self._rows)

    def measured(self, name: str) -> FloatArray:
        """Return a quantity of every architecture, shape ``(n, budget_fractions)``."""
        return np.stack(self._measured[name])

    def describe(self, genomes: Sequence[Genome]) -> tuple[FloatArray, list[ExactCost]]:
        """Return features ``(n, features)`` and costs of architectures, trained or not."""
        one_choice = [self.space.at_point(genome, self.space.budget_fractions[0]) for genome in genomes]
        rows_and_costs = [self._describe(genome) for genome in one_choice]
        return np.stack([row for row, _ in rows_and_costs]), [cost for _, cost in rows_and_costs]

    def _described(self, genome: Genome) -> tuple[FloatArray, ExactCost]:
        architecture = self.space.decode(genome)
        cost = self._exact.of(architecture)
        return self._features.row(architecture, cost), cost

    def add(self, individuals: Sequence[Individual]) -> None:
        """Add the operating points of newly trained architectures, all points of each."""
        self.individuals += individuals
        by_key: dict[str, list[Individual]] = {}
        for individual in individuals:
            by_key.setdefault(individual.key, []).append(individual)
        for key, points in by_key.items():
            rows, costs = self.describe([points[0].genome])
            at = {
                choice: point.metrics
                for point in points
                for choice in point.choices or (point.budget_fraction,)
            }
            self.keys.append(key)
            self.costs += costs
            self._rows.append(rows[0])
            for name in self.names:
                values = [at[share][name] for share in self.space.budget_fractions]
                self._measured[name].append(np.asarray(values, float))
