"""What metrics are computed from: costs of a network, its answers, and one of its operating points.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Costs:
    """What a network costs; known before it is trained."""

    reach: Mapping[str, Sequence[float]]
    """Cost of leaving at each exit, heads tried on the way included, shape ``(exits,)``, rising:
    by ``macs``, ``latency_ms@PROFILE``, ``energy_mj@PROFILE``."""
    params: int
    """Number of parameters."""
    peak_activation_bytes: int
    """Largest sum of live activations anywhere, fp32, for one image."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answered on N samples at one operating point, each sample at the exit where it left."""

    labels: IntArray
    """The right class, shape ``(N,)``."""
    answers: IntArray
    """The class that was answered, shape ``(N,)``."""
    exits: IntArray
    """The exit at which the sample left, from 0, shape ``(N,)``."""
    logits: NDArray[Any] | None = None
    """Of the exit at which the sample left, shape ``(N, classes)``; only for metrics that ask for them."""


@dataclass(frozen=True, eq=False)
class Point:
    """One operating point of a trained network, scored on the split ``select``."""

    costs: Costs
    accuracy: float
    """Share of right answers."""
    exit_rates: NDArray[np.float64]
    """Share of samples that leave at each exit, shape ``(exits,)``, sums to 1."""
    expected_costs: Mapping[str, float] = field(default_factory=dict)
    """Mean cost of a sample, by name, where it was counted with the point."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """What was computed from the answers, by the name of the metric."""

    def expected(self, reach: str) -> float:
        """Return the mean cost of a sample; ``reach`` is a name of ``costs.reach``."""
        if reach in self.expected_costs:
            return self.expected_costs[reach]
        return float(self.exit_rates @ np.asarray(self.costs.reach[reach]))
