"""What exits gained over the static networks of a run, at equal average cost and at equal accuracy.

Intervals are paired: the same images of select are drawn again for both sides, which stay as they
are.  Select chose both sides, and so flatters both; test has not been read.  Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.config.sections.constraints import full_name
from aebnas.errors import CodeRefusedError, DataError, RunError
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.quality.comparison import paired_interval
from aebnas.runs.contents import RunContents
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.static.curve import Mixture, StaticCurve, accuracy_of
from aebnas.runs.static.networks import StaticNetwork, static_networks
from aebnas.runs.store.arrays import read_labels, read_logits
from aebnas.runs.store.store import RunStore

TOLERANCE = 1e-6
"""How far right answers and a stored accuracy may differ before they are not of the same network."""


@dataclass(frozen=True, eq=False)
class Difference:
    """A point of the front minus static networks, in shares of right answers on select."""

    point: OperatingPoint
    baselines: Mixture
    accuracy: float
    interval: tuple[float, float] | None
    """95%, paired bootstrap; None: what each image was answered is not kept."""

    @property
    def may_be_chance(self) -> bool:
        """Return whether the interval holds 0, or is not known."""
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, eq=False)
class StaticComparison:
    """A run's networks with exits beside its static networks."""

    metric: str
    """The cost: what the run's exits trade."""
    networks: tuple[StaticNetwork, ...]
    """All of them."""
    curve: StaticCurve
    at_equal_cost: Difference | None
    """Where the front's networks with exits gain most, or lose least; None: there are none on it."""
    at_equal_accuracy: Difference | None
    """The cheapest that is as accurate as the best static network; None: none is, or none is cheaper."""

    @property
    def saving(self) -> float | None:
        """Return the cost at equal accuracy, as a share of the best static network's."""
        cheapest = self.at_equal_accuracy
        if cheapest is None:
            return None
        return cheapest.point.metrics[self.metric] / self.curve.best.costs[self.metric]


def static_comparison(run: RunContents, store: RunStore) -> StaticComparison | None:
    """Return a run's networks with exits beside its static networks; None: it has no static ones.

    Args:
        run: Its contents.
        store: The same run, for what was answered to each image.
    """
    metric = full_name(run.config.cost_metric, run.config.profiles)
    networks = static_networks(run.done, metric)
    if not networks:
        return None
    curve, answers = StaticCurve.of(networks, metric), _Answers(store)
    points = [point for point in run.front if point.evaluation.architecture.exit_names]
    fair = [(point, curve.at(point.metrics[metric])) for point in points]
    gains = [(point, baselines) for point, baselines in fair if baselines]
    most = max(gains, key=lambda pair: pair[0].accuracy - accuracy_of(pair[1]), default=None)
    cheapest = min(
        (
            point
            for point in points
            if point.accuracy >= curve.best.accuracy and point.metrics[metric] < curve.best.costs[metric]
        ),
        key=lambda point: point.metrics[metric],
        default=None,
    )
    return StaticComparison(
        metric,
        networks,
        curve,
        None if most is None else answers.difference(*most),
        None if cheapest is None else answers.difference(cheapest, ((curve.best, 1.0),)),
    )


class _Answers:
    """Which images of select are answered right."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def difference(self, point: OperatingPoint, baselines: Mixture) -> Difference:
        """Return a point minus a mixture of static networks, with its interval where it can be known."""
        accuracy = point.accuracy - accuracy_of(baselines)
        right, others = self._at(point), [(self._static(network), share) for network, share in baselines]
        if right is None or any(other is None for other, _ in others):
            return Difference(point, baselines, accuracy, None)
        paired = right - sum(share * other for other, share in others if other is not None)
        is_same = abs(float(paired.mean()) - accuracy) <= TOLERANCE
        return Difference(point, baselines, accuracy, paired_interval(paired) if is_same else None)

    def _static(self, network: StaticNetwork) -> NDArray[np.float64] | None:
        if network.right is not None:
            return network.right.astype(float)
        samples = self._samples(network.evaluations[-1])
        return None if samples is None else samples.correct[:, network.exit_index].astype(float)

    def _at(self, point: OperatingPoint) -> NDArray[np.float64] | None:
        samples, policy = self._samples(point.evaluation), point.curve.policies[point.index]
        if samples is None:
            return None
        try:
            chosen = policy.decide(samples.logits)
        except CodeRefusedError:  # a policy from outside, which a report does not run unasked
            return None
        except DataError:  # it looks at logits, which are kept apart
            samples = self._with_logits(point.evaluation)
            if samples is None:
                return None
            chosen = policy.decide(samples.logits)
        return samples.correct[np.arange(len(samples)), chosen].astype(float)

    def _samples(self, evaluation: Evaluation) -> ExitSamples | None:
        """Return what the exits of a candidate said on select; None: it is not kept."""
        try:
            records = self._store.exit_records(evaluation.key, evaluation.fidelity)
            if records is None:
                return None
            select, labels = records[1], read_labels(self._store.path)[1]
        except RunError:
            return None
        return ExitSamples.of_scores(select.scores, select.predictions, labels, evaluation.reach_macs)

    def _with_logits(self, evaluation: Evaluation) -> ExitSamples | None:
        try:
            logits = read_logits(self._store.artefacts.logits_path(evaluation.key, evaluation.fidelity))[1]
            return ExitSamples.of(logits, read_labels(self._store.path)[1], evaluation.reach_macs)
        except (RunError, DataError):
            return None
