"""JEI-DNN gates, post hoc: a linear gate per exit that learns where leaving is best.

For a price ``lambda`` the best exit of a sample is ``e* = argmin(CE_e + lambda C_e)``, with the
cross-entropy in nats and the cost as a share of the full cost.  The gate of exit e learns
``e >= e*`` (those that could have left before are to leave now) from four features: largest
probability, entropy, margin, and entropy of the normalised squared probabilities; cross-entropy
with the ones weighted by their rarity, at most 5.  A sample leaves where its gate says at least
one half.  The heads stay as they are.

Gates cost nothing beside the heads: five multiplications each.
Source: JEI-DNN (ICLR 2024).

Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, FloatArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.policy import CausalPolicy, ExitPolicy, numbers, require, rows
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import margin
from aebnas.exits.core.threshold_policy import leave_at_once, never_leave
from aebnas.exits.policies.family import PolicyFamily, front_of
from aebnas.exits.thresholds.logistic import fit_logistic, linear

_KIND = "gates"
_FEATURES = 4
_SMALLEST_PROBABILITY = 1e-12
_BISECTIONS = 12


@dataclass(frozen=True)
class GatePolicy(CausalPolicy):
    """Leave at the first exit whose gate is not negative.

    Attributes:
        gates: Per exit but the last, four weights and a bias on ``gate_features``.
    """

    gates: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check the gates.

        Raises:
            DataError: One has not five numbers.
        """
        for gate in self.gates:
            if len(gate) != _FEATURES + 1:
                raise DataError(f"A gate has {_FEATURES} weights and a bias, but got {len(gate)} numbers.")

    @property
    def exits(self) -> int:
        """Number of exits."""
        return len(self.gates) + 1

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        features = gate_features(logits.probabilities(exit_index))
        opens: BoolArray = linear(features, np.array(self.gates[exit_index])) >= 0
        return opens

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"policy": _KIND, "gates": [list(gate) for gate in self.gates]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        (gates,) = require(data, _KIND, "gates")
        return cls(tuple(numbers(gate, "gates") for gate in rows(gates, "gates")))


@dataclass(frozen=True)
class JeiGates(PolicyFamily):
    """Gates refitted for each price.

    Attributes:
        prices: Values of ``lambda`` on the path, in nats per full cost.
        most_weight: Cap on the weight of the rarer ones; 1 weighs all samples alike.
    """

    needs_logits: ClassVar[bool] = True

    prices: tuple[float, ...] = (0.0, *np.geomspace(0.02, 50.0, 24).tolist())
    most_weight: float = 5.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: A price is negative, or the weight is not positive.
        """
        if any(price < 0 for price in self.prices) or self.most_weight <= 0:
            raise DataError("Prices must not be negative, and `most_weight` must be positive.")

    def at(self, samples: ExitSamples, price: float, start: GatePolicy | None = None) -> GatePolicy:
        """Return the gates of one price; ``start``: those of a similar one."""
        return GatePolicy(_gates(_FitInputs.of(samples), price, self.most_weight, start))

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the gates of every price that none dominates; fitted to classes, ``good`` only prunes."""
        inputs = _FitInputs.of(samples)
        policies: list[GatePolicy] = []
        for price in self.prices:
            policies.append(
                GatePolicy(_gates(inputs, price, self.most_weight, policies[-1] if policies else None))
            )
        return front_of(policies, samples, good)

    def within(self, samples: ExitSamples, max_cost: float) -> ExitPolicy | None:
        """Return the gates of the lowest price within a budget, by bisection."""
        inputs = _FitInputs.of(samples)
        tried: list[ExitPolicy] = [leave_at_once(samples.exits), never_leave(samples.exits)]
        low, high = np.log(1e-3), np.log(100.0)
        for _ in range(_BISECTIONS):
            price = float(np.exp((low + high) / 2))
            tried.append(GatePolicy(_gates(inputs, price, self.most_weight, None)))
            if outcome_of(tried[-1], samples).cost > max_cost:
                low = np.log(price)
            else:
                high = np.log(price)
        return _best_within(tried, samples, max_cost)


def gate_features(probabilities: FloatArray) -> FloatArray:
    """Return largest probability, entropy, margin and entropy of squares; ``(N, K)`` to ``(N, 4)``.

    Entropies in nats; rounded to float32, so that a sample has the same features in any batch.
    """
    squares = probabilities**2
    squares /= squares.sum(axis=-1, keepdims=True)
    columns = [probabilities.max(axis=-1), _nats(probabilities), margin(probabilities), _nats(squares)]
    return np.stack(columns, axis=1).astype(np.float32).astype(np.float64)


def _nats(probabilities: FloatArray) -> FloatArray:
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    entropy: FloatArray = -(probabilities * logs).sum(axis=-1)
    return entropy


@dataclass(frozen=True, eq=False)
class _FitInputs:
    """What the gates of every price learn from: features ``(N, 4)`` per exit, losses and cost."""

    features: tuple[FloatArray, ...]
    cross_entropy: FloatArray
    relative_cost: FloatArray

    @classmethod
    def of(cls, samples: ExitSamples) -> "_FitInputs":
        logits = samples.logits
        truth = np.maximum(logits.truth_probability(samples.labels), _SMALLEST_PROBABILITY)
        features = tuple(gate_features(logits.probabilities(i)) for i in range(samples.exits - 1))
        return cls(features, -np.log(truth), samples.reach_cost / samples.reach_cost[-1])


def _gates(
    inputs: _FitInputs, price: float, most_weight: float, start: GatePolicy | None
) -> tuple[tuple[float, ...], ...]:
    best = (inputs.cross_entropy + price * inputs.relative_cost).argmin(axis=1)
    gates = []
    for i, features in enumerate(inputs.features):
        target = (best <= i).astype(np.float64)
        ones = target.sum()
        rarity = (len(target) - ones) / ones if ones else 1.0
        first = None if start is None else np.array(start.gates[i])
        gate = fit_logistic(features, target, min(rarity, most_weight), first)
        gates.append(tuple(gate.tolist()))
    return tuple(gates)


def _best_within(tried: list[ExitPolicy], samples: ExitSamples, budget: float) -> ExitPolicy:
    """Return the most accurate policy within the budget, else the cheapest."""
    outcomes = [outcome_of(policy, samples) for policy in tried]
    within = [i for i, outcome in enumerate(outcomes) if outcome.cost <= budget * (1 + 1e-9)]
    if within:
        return tried[max(within, key=lambda i: (outcomes[i].accuracy, -outcomes[i].cost))]
    return tried[min(range(len(tried)), key=lambda i: outcomes[i].cost)]
