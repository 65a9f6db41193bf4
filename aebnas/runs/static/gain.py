"""What exits gained over the static networks of a run, at equal average cost and at equal accuracy.

Intervals are paired: the same images of select are drawn again for both sides, which stay as they
are.  Select chose both sides, and so flatters both; test has not been read.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aebnas.config.sections.constraints import full_name
from aebnas.exits.quality.comparison import paired_interval
from aebnas.runs.contents import RunContents
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.static.answers import Answers
from aebnas.runs.static.cascades import cascades
from aebnas.runs.static.curve import Mixture, StaticCurve, accuracy_of
from aebnas.runs.static.networks import Kind, StaticNetwork, static_networks
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

    are_whole_ones_behind: bool = False
    """Whether networks without exits were evaluated, but none was trained as far as those on the front."""

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
    answers = Answers(store)
    if run.config.space.brings_weights:  # of networks that a user brought, cascades are what there is besides
        alone = [network for network in networks if network.kind is Kind.ALONE]
        networks = (*networks, *cascades(alone, answers, metric))
    curve = StaticCurve.of(networks, metric)
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
        None if most is None else _difference(answers, *most),
        None if cheapest is None else _difference(answers, cheapest, ((curve.best, 1.0),)),
        _are_whole_ones_behind(run, networks),
    )


def _difference(answers: Answers, point: OperatingPoint, baselines: Mixture) -> Difference:
    """Return a point minus a mixture of static networks, with its interval where it can be known."""
    accuracy = point.accuracy - accuracy_of(baselines)
    right, others = answers.at(point), [(answers.static(network), share) for network, share in baselines]
    if right is None or any(other is None for other, _ in others):
        return Difference(point, baselines, accuracy, None)
    paired = right - sum(share * other for other, share in others if other is not None)
    is_same = abs(float(paired.mean()) - accuracy) <= TOLERANCE
    return Difference(point, baselines, accuracy, paired_interval(paired) if is_same else None)


def _are_whole_ones_behind(run: RunContents, networks: Sequence[StaticNetwork]) -> bool:
    alone = [network.evaluations[0] for network in networks if network.kind is Kind.ALONE]
    return bool(alone) and not any(map(run.can_be_on_front, alone))
