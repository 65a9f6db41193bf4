"""Static networks of a run: candidates without exits, and candidates cut short behind an exit.

Nothing is trained for them.  A network cut short answers everything at one of its exits: its
accuracy is that exit's, and its cost leaves the earlier heads out.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aebnas.evaluation.record import Evaluation
from aebnas.pretrained.layer import TYPE
from aebnas.runs.formatting import FINAL, exit_names
from aebnas.runs.fronts.pareto import non_dominated
from aebnas.space.drawing import format_size


class Kind(StrEnum):
    """How a static network came about."""

    ALONE = "alone"
    """A candidate without early exits."""
    CUT_SHORT = "cut_short"
    """A candidate that ends at one of its exits, without the heads before."""
    CASCADE = "cascade"
    """Whole networks, one after the other, each reading the image again."""


@dataclass(frozen=True, eq=False)
class StaticNetwork:
    """What one has without early exits, scored on select."""

    kind: Kind
    evaluations: tuple[Evaluation, ...]
    """The candidate that it comes of; of a cascade its networks, in order."""
    exit_index: int
    """Where it ends, from 0."""
    accuracy: float
    costs: Mapping[str, float]
    """Mean cost of an image: ``macs``, ``latency_ms@PROFILE``, ``energy_mj@PROFILE``."""
    right: NDArray[np.bool_] | None = None
    """Of a cascade: which images of select it answers right."""

    @cached_property
    def key(self) -> str:
        """Return the key of its candidate; of a cascade the keys of all, joined by ``+``."""
        return "+".join(evaluation.key for evaluation in self.evaluations)

    @property
    def exit_name(self) -> str:
        """Return the exit at which it ends."""
        return exit_names(self.evaluations[-1].architecture)[self.exit_index]

    def text(self) -> str:
        """Return what it is, for people."""
        names = [_name(evaluation) for evaluation in self.evaluations]
        if self.kind is Kind.CASCADE:
            return f"the cascade {', then '.join(names)}"
        if self.kind is Kind.ALONE:
            return f"{names[0]} without exits"
        if self.exit_name == FINAL:
            return f"{names[0]} with its exits taken away"
        return f"{names[0]} cut short behind {self.exit_name}"


def static_networks(done: Iterable[Evaluation], metric: str) -> tuple[StaticNetwork, ...]:
    """Return the static networks of finished candidates whose cost is known.

    Args:
        done: Finished candidates.
        metric: The cost that must be known: ``macs``, ``latency_ms@PROFILE``, ...
    """
    return tuple(network for evaluation in done for network in _of(evaluation) if metric in network.costs)


def static_front(networks: Iterable[StaticNetwork], metric: str) -> tuple[StaticNetwork, ...]:
    """Return the networks that no other beats in accuracy and cost, by rising cost."""
    ordered = sorted(networks, key=lambda network: (network.costs[metric], network.kind, network.key))
    if not ordered:
        return ()
    mask = non_dominated([[network.costs[metric], -network.accuracy] for network in ordered])
    return tuple(network for network, is_on in zip(ordered, mask, strict=True) if is_on)


def best_alone(done: Iterable[Evaluation]) -> Evaluation | None:
    """Return the finished candidate without early exits that is most accurate, of equal ones the cheapest."""
    alone = [evaluation for evaluation in done if not evaluation.architecture.exit_names]
    return max(
        alone,
        key=lambda evaluation: (evaluation.metrics(1.0)["accuracy"], -evaluation.reach_macs[-1]),
        default=None,
    )


def _name(evaluation: Evaluation) -> str:
    """Return a candidate's key; of a network that a user brought, its name and size before it."""
    drawing = evaluation.architecture.drawing()
    if TYPE not in evaluation.architecture.backbone_types:
        return evaluation.key
    return f"{drawing.rows[0].boxes[0].words} at {format_size(drawing.input_size)} px ({evaluation.key})"


def _of(evaluation: Evaluation) -> list[StaticNetwork]:
    """Return what a candidate is at each of its exits, alone."""
    if evaluation.curve is None:
        return []
    kind = Kind.CUT_SHORT if evaluation.architecture.exit_names else Kind.ALONE
    costs = evaluation.cut_short_costs
    return [
        StaticNetwork(kind, (evaluation,), i, float(accuracy), {name: of[i] for name, of in costs.items()})
        for i, accuracy in enumerate(evaluation.curve.exit_accuracy)
    ]
