"""Predicted operating points: what the inner search is told instead of trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.evaluation.goals import Goals
from aebnas.runs.fronts.individuals import Individual, values_and_violations
from aebnas.search.proposers.api import KeyOf
from aebnas.search.proposers.exact import ExactCost
from aebnas.search.proposers.surrogate.archive import Archive
from aebnas.search.proposers.surrogate.fitting import FittedModel, choose
from aebnas.search.proposers.surrogate.quantities import ERROR, from_model, optimistic, to_model
from aebnas.space.genes import Genome

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surrogate:
    """One fitted model per quantity."""

    goals: Goals
    archive: Archive
    fitted: Mapping[str, FittedModel]
    key_of: KeyOf

    @classmethod
    def fit(
        cls, goals: Goals, archive: Archive, models: Sequence[str], seed: int, key_of: KeyOf
    ) -> Surrogate:
        """Fit every quantity on what has been trained.

        Args:
            goals: Objectives and constraints.
            archive: At least four architectures.
            models: To choose among, for each quantity by itself.
            seed: Of folds and models.
            key_of: The key of a genome's architecture.
        """
        shares = np.asarray(archive.space.budget_fractions)
        fitted = {}
        for name in archive.names:
            y = to_model(name, archive.measured(name), archive.costs, shares)

            def in_units(values: FloatArray, name: str = name) -> FloatArray:
                return from_model(name, values, archive.costs, shares)

            fitted[name] = choose(models, archive.rows, y, seed, in_units)
        return cls(goals, archive, fitted, key_of)

    def quantities(self, genomes: Sequence[Genome], optimism: float = 0.0) -> dict[str, FloatArray]:
        """Return predictions by quantity, each of shape ``(n, budget_fractions)``.

        Args:
            genomes: Architectures, trained or not.
            optimism: Deviations by which errors are taken to be lower than predicted.
        """
        return self._quantities(*self.archive.describe(genomes), optimism)

    def individuals(self, genomes: Sequence[Genome], optimism: float = 0.0) -> list[list[Individual]]:
        """Return every operating point of every architecture as it is predicted."""
        space, goals = self.archive.space, self.goals
        rows, costs = self.archive.describe(genomes)
        predicted = self._quantities(rows, costs, optimism)
        aliases = {name: goals.full_name(name) for name in goals.names}
        individuals = []
        for i, (genome, cost) in enumerate(zip(genomes, costs, strict=True)):
            key = self.key_of(genome)
            points = []
            for j, share in enumerate(space.budget_fractions):
                metrics = {name: float(values[i, j]) for name, values in predicted.items()}
                metrics["accuracy"] = 1.0 - metrics[ERROR]
                exact = {full: cost.span(full) for full in aliases.values() if full not in metrics}
                metrics |= {full: span[0] for full, span in exact.items() if span is not None}
                metrics |= {short: metrics[full] for short, full in aliases.items()}
                moved = space.at_point(genome, share)
                points.append(Individual(moved, key, share, *values_and_violations(metrics, goals)))
            individuals.append(points)
        return individuals

    def _quantities(
        self, rows: FloatArray, costs: Sequence[ExactCost], optimism: float
    ) -> dict[str, FloatArray]:
        shares = np.asarray(self.archive.space.budget_fractions)
        quantities = {}
        for name, model in self.fitted.items():
            values = optimistic(name, model(rows), model.deviation, optimism)
            quantities[name] = from_model(name, values, costs, shares)
        return quantities
