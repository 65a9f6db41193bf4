"""Metrics: quantities by which candidates are measured, compared and limited.

A metric says how it is computed, in which direction it is better, and how people read it.  There are
four kinds, by what they are computed from: ``OfNetwork`` (exact before any training), ``Expected`` (a
cost to the exits, averaged over where samples leave), ``OfAnswers`` (what was answered) and
``OfPoint`` (accuracy, exit rates and costs of an operating point).

Must not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from aebnas.task.metrics.inputs import Answers, Costs, Point

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """One quantity.

    Args:
        word: What people read, in running text: ``expected MACs``.
        help: One sentence that says what it is, with its unit.
        highest: Where more is better, the largest value it can take; None: less is better.
        worst: The worst value it can take, from which the hypervolume is measured; None: that of the
            costliest of some random architectures, where architectures decide it; of a share its other end.
        is_share: It lies between 0 and 1, and is read as a percentage.
        unit: Behind the number, as in ``ms``; None: sizes are written as ``1.23 M``.
        axis: What the title of an axis adds.
        is_objective: It can be an objective; all can be constraints.
        is_of_device: It is told once per hardware profile, as ``NAME@PROFILE``.
    """

    word: str
    help: str
    highest: float | None = None
    worst: float | None = None
    is_share: bool = False
    unit: str | None = None
    axis: str = ""
    is_objective: bool = True
    is_of_device: bool = False

    @abstractmethod
    def at(self, point: Point, name: str) -> float:
        """Return the value at an operating point.

        Args:
            point: Of a trained network.
            name: By which the value is filed: of a device's metric with ``@PROFILE``.
        """

    def span(self, costs: Costs, name: str) -> Span | None:
        """Return the least and the largest value that training can lead to; None: anything.

        Args:
            costs: Of a network.
            name: By which the value is filed.
        """
        return None

    def minimised(self, value: float) -> float:
        """Return what a search minimises: the value, or how far it is from the highest."""
        return value if self.highest is None else self.highest - value

    def worst_of(self, largest: float | None) -> float:
        """Return the worst of what a search minimises.

        Args:
            largest: Of some random architectures, where architectures decide it.

        Raises:
            ValueError: Neither the metric nor an architecture tells it.
        """
        if self.worst is not None:
            return self.minimised(self.worst)
        if self.is_share:
            return 1.0
        if largest is None:
            raise ValueError(f"the metric {self.word!r} needs its worst value: worst=...")
        return largest if self.highest is None else self.highest

    @property
    def is_exact(self) -> bool:
        """Return whether its value is known before training."""
        return False

    @property
    def is_learned(self) -> bool:
        """Return whether training alone decides its value."""
        return False


@dataclass(frozen=True, kw_only=True)
class OfNetwork(Metric):
    """A quantity that the architecture alone decides: surrogates count it, limits hold before training.

    Args:
        count: Returns it from the costs of a network and the profile's name, of a device's metric; else "".
    """

    count: Callable[[Costs, str], float]

    def at(self, point: Point, name: str) -> float:
        """Return the value, which no operating point changes."""
        return self.count(point.costs, name.partition("@")[2])

    def span(self, costs: Costs, name: str) -> Span:
        """Return the value, twice."""
        value = self.count(costs, name.partition("@")[2])
        return value, value

    @property
    def is_exact(self) -> bool:
        """Return that it is."""
        return True


@dataclass(frozen=True, kw_only=True)
class Expected(Metric):
    """A cost that the exits trade for accuracy: its mean over the samples, each at the exit where it leaves.

    Args:
        of: The name of the cost to reach each exit: ``macs``, ``latency_ms``, ``energy_mj``.
    """

    of: str

    def at(self, point: Point, name: str) -> float:
        """Return the mean cost of a sample."""
        return point.expected(self._reach(name))

    def span(self, costs: Costs, name: str) -> Span:
        """Return the cost to leave at the first and at the last exit."""
        reach = costs.reach[self._reach(name)]
        return float(reach[0]), float(reach[-1])

    def _reach(self, name: str) -> str:
        _, at, profile = name.partition("@")
        return f"{self.of}{at}{profile}"


@dataclass(frozen=True, kw_only=True)
class _OfTraining(Metric):
    """A quantity that only training tells; it needs bounds of its own."""

    def __post_init__(self) -> None:
        """Check that the hypervolume has an end.

        Raises:
            ValueError: It is no share and names no worst value.
        """
        if not self.is_share and self.worst is None:
            raise ValueError(f"the metric {self.word!r} is no share, so it needs its worst value: worst=...")

    @property
    def is_learned(self) -> bool:
        """Return that it is."""
        return True


@dataclass(frozen=True, kw_only=True)
class OfAnswers(_OfTraining):
    """A quantity of what was answered, as the recall of the rarest class: computed where exits are fitted.

    Args:
        measure: Returns it from labels and answers at one operating point.
        needs_logits: ``measure`` reads ``Answers.logits``; stored runs keep those of their front alone.
    """

    measure: Callable[[Answers], float]
    needs_logits: bool = False

    def at(self, point: Point, name: str) -> float:
        """Return what was computed with the operating curve."""
        return point.measured[name]


@dataclass(frozen=True, kw_only=True)
class OfPoint(_OfTraining):
    """A quantity of accuracy, exit rates and costs of an operating point.

    Args:
        read: Returns it.
    """

    read: Callable[[Point], float]

    def at(self, point: Point, name: str) -> float:
        """Return it."""
        return self.read(point)


def last_reach(of: str) -> Callable[[Costs, str], float]:
    """Return what counts the cost of the last exit; ``of`` is its name, as ``macs`` or ``latency_ms``."""

    def count(costs: Costs, profile: str) -> float:
        return float(costs.reach[f"{of}@{profile}" if profile else of][-1])

    return count
