"""The proposer that asks a surrogate first, and plain NSGA-II where the surrogate does not earn its place.

The way of NSGANetV2 and MSuNAS (ECCV 2020): fit on what was trained, let an inner NSGA-II search
the predictions, train a diverse subset of what it finds.  Added: a control share of plain
NSGA-II in every generation, a share drawn at random, and a monitor that switches the surrogate off
and on.  Everything follows from the seed and from what was told, so that a replay proposes the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.config.schema import SearchConfig
from aebnas.config.sections.surrogate import MODEL_NAMES
from aebnas.evaluation.goals import Goals
from aebnas.runs.fronts.individuals import Individual
from aebnas.search.events import PredictedCandidate, SurrogateStatus
from aebnas.search.proposers.api import KeyOf, remembered_keys
from aebnas.search.proposers.exact import ExactCosts
from aebnas.search.proposers.limits import CostViolation
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.search.proposers.surrogate.archive import Archive
from aebnas.search.proposers.surrogate.inner_search import OPTIMISM, fresh_genomes, promising
from aebnas.search.proposers.surrogate.monitor import (
    EXPLORATION,
    PLAIN,
    SURROGATE,
    TWO_SIDED_90,
    ObservedPrediction,
    SurrogateMonitor,
)
from aebnas.search.proposers.surrogate.prediction import Surrogate
from aebnas.search.proposers.surrogate.quantities import ERROR, modelled
from aebnas.search.proposers.surrogate.selection import feasible_front, gain, most_gaining
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome

FloatArray = NDArray[np.float64]
MIN_TRAINED = 8
"""Trainings before anything is predicted."""


class SurrogateProposer:
    """NSGA-II whose offspring a surrogate chooses."""

    def __init__(
        self,
        goals: Goals,
        search: SearchConfig,
        space: SearchSpace,
        plain: Nsga2Proposer,
        exact: ExactCosts,
        reference: Sequence[float],
        key_of: KeyOf | None = None,
        cost_violation: CostViolation | None = None,
    ) -> None:
        """Prepare; nothing is fitted yet.

        Args:
            goals: Objectives and constraints.
            search: Population, surrogate, seed.
            space: Where genomes come from.
            plain: As new; draws the first generation, keeps the population, proposes the control share.
            exact: Counts architectures.
            reference: Worst point of the hypervolume.
            key_of: The key of a genome's architecture; default: a memory of this proposer's own.
            cost_violation: How far architectures are beyond limits that cost alone decides.
        """
        self._goals, self._search = goals, search
        self._space = space
        self._plain = plain
        self._reference = tuple(reference)
        self._cost_violation = cost_violation
        self._key_of = remembered_keys(space) if key_of is None else key_of
        self._archive = Archive(space, exact, modelled(goals))
        self._monitor = SurrogateMonitor(search.surrogate_options)
        self._known: set[str] = set()
        self._number = 0
        self._owed = 0
        """Control candidates for which a generation of few had no place."""
        self._sources: dict[str, str] = {}
        self._genomes: dict[str, Genome] = {}
        self._surrogate: Surrogate | None = None
        self._decision = (False, "")
        self._latest: list[ObservedPrediction] = []

    def ask(self) -> list[Genome]:
        """Return the next genomes: the surrogate's, those drawn at random, those of plain NSGA-II."""
        self._number += 1
        proposed = self._propose()
        genomes = [genome for proposals in proposed.values() for genome in proposals]
        self._sources = {
            self._key_of(genome): source for source, proposals in proposed.items() for genome in proposals
        }
        self._genomes = {self._key_of(genome): genome for genome in genomes}
        self._note(genomes)
        return genomes

    def tell(self, individuals: Sequence[Individual]) -> None:
        """Compare with what was predicted, then learn."""
        before = feasible_front(self._archive.individuals, len(self._reference))
        self._archive.add(individuals)
        if self._surrogate is not None:
            self._latest = self._observations(individuals, self._surrogate, before)
            self._monitor.add(self._latest)
        self._plain.tell(individuals)

    def status(self) -> SurrogateStatus | None:
        """Return how the surrogate did in the generation told last."""
        if self._surrogate is None:
            return None
        monitor, after = self._monitor, self._number + 1
        calibration = monitor.calibration(after)
        return SurrogateStatus(
            is_on=self._decision[0],
            reason=self._decision[1],
            models={name: model.model for name, model in self._surrogate.fitted.items()},
            fold_tau={name: model.tau for name, model in self._surrogate.fitted.items()},
            tau=monitor.tau(after),
            compared=len(monitor.recent(after)),
            bias=None if calibration is None else calibration[0],
            coverage=None if calibration is None else calibration[1],
            gains={name: float(np.mean(gains)) for name, gains in monitor.gains(after).items() if gains},
            chance=monitor.chance(after),
            predictions=tuple(
                PredictedCandidate(
                    prediction.key,
                    prediction.source,
                    float(prediction.predicted.mean()),
                    float(prediction.observed.mean()),
                )
                for prediction in self._latest
            ),
        )

    def _propose(self) -> dict[str, list[Genome]]:
        search = self._search
        if self._number == 1:
            return {PLAIN: self._plain.ask()}
        self._surrogate = None
        if len(self._archive) < MIN_TRAINED:
            return {PLAIN: self._plain.ask()}
        seed = int(np.random.SeedSequence([search.seed, self._number]).generate_state(1)[0] >> 1)
        models = MODEL_NAMES if search.surrogate == "auto" else (search.surrogate,)
        self._surrogate = Surrogate.fit(self._goals, self._archive, models, seed, self._key_of)
        self._decision = self._monitor.decide(self._number)
        if not self._decision[0]:
            return {PLAIN: self._plain.ask()}
        return self._mixed(self._surrogate, seed)

    def _mixed(self, surrogate: Surrogate, seed: int) -> dict[str, list[Genome]]:
        search, options = self._search, self._search.surrogate_options
        total = search.offspring or search.population
        explored = self._share(options.exploration, total)
        due = self._owed + self._share(options.control, total)
        control = min(due, total - explored)
        self._owed = due - control
        chosen = self._chosen(surrogate, total - explored - control, seed)
        self._note(chosen)
        drawn = fresh_genomes(surrogate, self._known, explored, seed + 1, self._cost_violation)
        self._note(drawn)
        left = total - len(chosen) - len(drawn)  # what the surrogate sees no use in goes to NSGA-II
        plain = self._plain.ask(left) if left else []
        return {SURROGATE: chosen, EXPLORATION: drawn, PLAIN: plain}

    def _share(self, share: float, total: int) -> int:
        """Return how many of this generation a share is, so that it holds over many generations."""
        upto = [int(share * total * number + 1e-9) for number in (self._number - 1, self._number)]
        return upto[1] - upto[0]

    def _chosen(self, surrogate: Surrogate, count: int, seed: int) -> list[Genome]:
        """Return new architectures that together promise the largest gain."""
        trained = self._archive.individuals
        pool = promising(surrogate, trained, self._known, self._search, seed)
        front, selected = feasible_front(trained, len(self._reference)), list[int]()
        if not len(front):
            return self._least_violating(surrogate, pool, count)
        genomes: list[Genome] = []
        for optimism in OPTIMISM:
            if len(selected) >= count or not pool:
                break
            predicted = surrogate.individuals(pool, optimism)
            for i in selected:  # as a part of the front they promise nothing more
                front = np.concatenate([front, feasible_front(predicted[i], len(self._reference))])
            more = most_gaining(predicted, count - len(selected), front, self._reference)
            genomes += [self._best_point(predicted[i], front) for i in more if i not in selected]
            selected += [i for i in more if i not in selected]
        return genomes

    def _best_point(self, points: Sequence[Individual], front: FloatArray) -> Genome:
        """Return the genome whose budget fraction gains most; the others join the search for free."""
        return max(points, key=lambda point: gain([point], front, self._reference)).genome

    def _least_violating(self, surrogate: Surrogate, pool: Sequence[Genome], count: int) -> list[Genome]:
        """Return the architectures nearest to feasibility, where nothing trained is feasible.

        What costs alone decide counts first: no training changes it.
        """
        if not pool:
            return []
        predicted = [min(points, key=lambda point: point.violation) for points in surrogate.individuals(pool)]

        def distance(point: Individual) -> tuple[float, float]:
            cost_violation = (
                0.0
                if self._cost_violation is None
                else self._cost_violation(self._space.decode(point.genome))
            )
            return cost_violation, point.violation

        return [point.genome for point in sorted(predicted, key=distance)[:count]]

    def _note(self, genomes: Sequence[Genome]) -> None:
        keys = [self._key_of(genome) for genome in genomes]
        self._known.update(keys)
        self._plain.know(keys)

    def _observations(
        self, individuals: Sequence[Individual], surrogate: Surrogate, before: FloatArray
    ) -> list[ObservedPrediction]:
        points: dict[str, list[Individual]] = {}
        for individual in individuals:
            points.setdefault(individual.key, []).append(individual)
        if not points:
            return []
        genomes = [self._genomes[key] for key in points]
        expected, low, high = (
            surrogate.quantities(genomes, optimism)[ERROR] for optimism in (0.0, TWO_SIDED_90, -TWO_SIDED_90)
        )
        observed = self._archive.measured(ERROR)[-len(points) :]
        return [
            ObservedPrediction(
                self._number, key, self._sources[key], expected[i], low[i], high[i], observed[i],
                gain(points_of_key, before, self._reference),
            )
            for i, (key, points_of_key) in enumerate(points.items())
        ]  # fmt: skip
