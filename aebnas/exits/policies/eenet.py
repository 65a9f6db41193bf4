"""EENet-like scheduling: learned exit scores, and an assigner that spreads a budget over the exits.

Scores: per exit a logistic regression of "is this exit's answer right" on probabilities, largest
probability, entropy, vote and the scores of the exits before.  Assigner: a linear softmax over
exits on the scores, fitted to the expected accuracy of its assignment, a KL term towards the
flattest shares of the same budget, and a budget term; its mean shares give the thresholds, as
quantiles of the scores.  Scores by Newton's method, the assigner by L-BFGS from zero: no seed, no
variance over runs.
Promise: mean cost close to the budget.  Source: EENet (WACV 2024); there a
stochastic optimiser fits both at once.

Must not import torch.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.shares import conditional, thresholds_from_shares, tilted_to
from aebnas.exits.policies.eenet_policy import LearnedScorePolicy, learned_scores, score_features
from aebnas.exits.policies.family import PolicyFamily, front_of
from aebnas.exits.thresholds.logistic import fit_logistic

_SMALLEST_SHARE = 1e-6
_STEPS = 60
_ASSIGNER_SAMPLES = 4000  # 30 parameters need no more


@dataclass(frozen=True)
class LearnedScores(PolicyFamily):
    """EENet-like scores and assigner.

    Attributes:
        kl_weight: Weight of the KL term against the expected accuracy.
        budget_weight: Weight of the squared relative distance from the budget.
        max_points: Budgets on the path.
    """

    needs_logits: ClassVar[bool] = True

    kl_weight: float = 0.1
    budget_weight: float = 100.0
    max_points: int = 24

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the policies of budgets between the first and the last exit's cost."""
        scores, weights = _fitted_scores(samples, good)
        budgets = np.linspace(samples.reach_cost[0], samples.reach_cost[-1], self.max_points + 2)[1:-1]
        policies = [self._at(scores, weights, samples, good, float(budget)) for budget in budgets]
        return front_of(policies, samples, good)

    def within(self, samples: ExitSamples, max_cost: float) -> ExitPolicy | None:
        """Return the policy of the budget asked for."""
        scores, weights = _fitted_scores(samples, samples.correct)
        return self._at(scores, weights, samples, samples.correct, max_cost)

    def _at(
        self,
        scores: ScoreArray,
        weights: tuple[tuple[float, ...], ...],
        samples: ExitSamples,
        good: BoolArray,
        budget: float,
    ) -> LearnedScorePolicy:
        """Assign shares to the exits and cut the scores there."""
        shares = self._assigned(scores, good, samples.reach_cost, budget)
        everyone = np.concatenate([scores, np.ones((len(scores), 1), np.float32)], axis=1)
        cuts = thresholds_from_shares(conditional(shares), everyone, is_rounded_up=True)
        return LearnedScorePolicy(weights, tuple(cuts.tolist()))

    def _assigned(
        self, scores: ScoreArray, good: BoolArray, reach_cost: FloatArray, budget: float
    ) -> FloatArray:
        """Return the share of samples for each exit, ``(E,)``, with the budget as mean cost."""
        exits = len(reach_cost)
        prior = tilted_to(np.zeros(exits), reach_cost, budget)
        if exits == 1 or prior.max() > 1 - _SMALLEST_SHARE:
            return prior
        rows = np.linspace(0, len(scores) - 1, min(len(scores), _ASSIGNER_SAMPLES)).astype(np.intp)
        inputs = np.concatenate([scores[rows], np.ones((len(rows), 1))], axis=1).astype(np.float64)
        assignment = _Assignment(
            inputs, good[rows].astype(np.float64), prior, reach_cost / reach_cost[-1], budget / reach_cost[-1]
        )
        start = np.zeros((inputs.shape[1], exits))
        start[-1] = np.log(np.maximum(prior, _SMALLEST_SHARE))
        from scipy.optimize import minimize  # 0.3 s: where it is needed alone

        optimum = minimize(
            assignment.loss,
            start.ravel(),
            args=(self.kl_weight, self.budget_weight),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _STEPS},
        ).x
        mean = assignment.shares(optimum).mean(axis=0)
        return tilted_to(np.log(np.maximum(mean, _SMALLEST_SHARE)), reach_cost, budget)


@dataclass(frozen=True, eq=False)
class _Assignment:
    """A linear softmax over exits, ``inputs (N, F) @ parameters (F, E)``, and its loss."""

    inputs: FloatArray
    good: FloatArray
    prior: FloatArray
    relative_cost: FloatArray
    relative_budget: float

    def shares(self, parameters: FloatArray) -> FloatArray:
        """Return the exit probabilities of every sample, ``(N, E)``."""
        activation = self.inputs @ parameters.reshape(self.inputs.shape[1], -1)
        activation -= activation.max(axis=1, keepdims=True)
        weights = np.exp(activation)
        scaled: FloatArray = weights / weights.sum(axis=1, keepdims=True)
        return scaled

    def loss(
        self, parameters: FloatArray, kl_weight: float, budget_weight: float
    ) -> tuple[float, FloatArray]:
        """Return minus the expected accuracy plus KL and budget terms, and the gradient."""
        shares = self.shares(parameters)
        samples = len(shares)
        mean = np.maximum(shares.mean(axis=0), 1e-300)
        ratio = np.log(mean / np.maximum(self.prior, 1e-300))
        over_budget = float(mean @ self.relative_cost) - self.relative_budget
        accuracy = float((shares * self.good).sum() / samples)
        loss = -accuracy + kl_weight * float(mean @ ratio) + budget_weight * over_budget**2
        slope = -self.good + kl_weight * (ratio + 1) + 2 * budget_weight * over_budget * self.relative_cost
        inner = shares * (slope - (shares * slope).sum(axis=1, keepdims=True)) / samples
        return loss, (self.inputs.T @ inner).ravel()


def _fitted_scores(samples: ExitSamples, good: BoolArray) -> tuple[ScoreArray, tuple[tuple[float, ...], ...]]:
    """Fit the scores exit by exit; return them ``(N, E - 1)`` and their weights."""
    weights: list[FloatArray] = []
    scores = np.zeros((len(samples), 0), dtype=np.float32)
    for i in range(samples.exits - 1):
        features = score_features(samples.logits, i, scores)
        weights.append(fit_logistic(features, good[:, i].astype(np.float64)))
        scores = learned_scores(samples.logits, weights)
    return scores, tuple(tuple(row.tolist()) for row in weights)
