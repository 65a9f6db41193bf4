"""The best accuracy that static networks have at any average cost.

Two static networks, each answering a share of the images drawn at random, have every average
cost between theirs, and an accuracy on the line between them.  So the curve is the upper hull
of the networks over their cost, and level behind the most accurate.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aebnas.runs.static.networks import StaticNetwork, static_front

Mixture = tuple[tuple[StaticNetwork, float], ...]
"""Static networks, with the share of images that each answers."""


@dataclass(frozen=True, eq=False)
class StaticCurve:
    """The upper hull of static networks."""

    metric: str
    """What is on its cost axis."""
    corners: tuple[StaticNetwork, ...]
    """By rising cost and accuracy, at least one."""

    @classmethod
    def of(cls, networks: Sequence[StaticNetwork], metric: str) -> StaticCurve:
        """Return the hull of networks, at least one, over a cost."""
        corners: list[StaticNetwork] = []
        for network in static_front(networks, metric):
            while len(corners) > 1 and not _is_corner(corners[-2], corners[-1], network, metric):
                corners.pop()
            corners.append(network)
        return cls(metric, tuple(corners))

    @property
    def best(self) -> StaticNetwork:
        """Return the most accurate network, of equal ones the cheapest."""
        return self.corners[-1]

    def at(self, cost: float) -> Mixture:
        """Return what is most accurate at an average cost; empty where that is below the cheapest."""
        below = [network for network in self.corners if network.costs[self.metric] <= cost]
        if not below:
            return ()
        if len(below) == len(self.corners):
            return ((below[-1], 1.0),)
        low, high = below[-1], self.corners[len(below)]
        start, end = low.costs[self.metric], high.costs[self.metric]
        share = (cost - start) / (end - start)
        return ((low, 1.0 - share), (high, share)) if share else ((low, 1.0),)


def accuracy_of(mixture: Mixture) -> float:
    """Return the expected accuracy of a mixture of static networks."""
    return sum(share * network.accuracy for network, share in mixture)


def _is_corner(first: StaticNetwork, middle: StaticNetwork, last: StaticNetwork, metric: str) -> bool:
    """Return whether the middle network lies above the line between the others."""
    start, end = first.costs[metric], last.costs[metric]
    share = (middle.costs[metric] - start) / (end - start)
    return middle.accuracy > (1 - share) * first.accuracy + share * last.accuracy
