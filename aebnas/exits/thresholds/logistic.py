"""Logistic regression by Newton's method: small, deterministic; for gates, learned scores and smoothing.

Must not import torch.
"""

import numpy as np

from aebnas.exits.core.arrays import FloatArray

_RIDGE = 1.0  # weighs as much as one sample with unit-variance features
_STEPS = 100
_HALVINGS = 40
_SETTLED = 1e-9  # of a sample's gradient
LARGEST_EXPONENT = 30.0
"""Log-odds beyond which a step takes a sample for decided."""


def fit_logistic(
    features: FloatArray, target: FloatArray, weight_of_ones: float = 1.0, start: FloatArray | None = None
) -> FloatArray:
    """Return weights and bias on the raw features; features are standardised inside.

    Args:
        features: ``(N, F)``.
        target: 0 or 1, ``(N,)``.  All equal: no weights, a bias of -1 or +1.
        weight_of_ones: How much a sample with target 1 counts.
        start: Where to start, as returned for a similar target.

    Returns:
        F weights and the bias, ``(F + 1,)``.
    """
    if (target == target[0]).all():
        return np.append(np.zeros(features.shape[1]), 2.0 * target[0] - 1.0)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-9, spread, np.inf)  # constant features get no weight
    scaled = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    weights = np.zeros(scaled.shape[1])
    if start is not None:
        weights[:-1] = start[:-1] * np.where(np.isfinite(spread), spread, 0.0)
        weights[-1] = start[-1] + start[:-1] @ mean
    sample_weight = np.where(target > 0, weight_of_ones, 1.0)
    penalty = np.append(np.full(features.shape[1], _RIDGE), 0.0)  # the bias is free
    loss = _loss(weights, scaled, target, penalty, sample_weight)
    for _ in range(_STEPS):
        step, gradient = newton_step(weights, scaled, target, penalty, sample_weight)
        if np.abs(gradient).max() <= _SETTLED * len(target):
            break
        for _ in range(_HALVINGS):  # far from the optimum a whole step may go too far
            closer = _loss(weights + step, scaled, target, penalty, sample_weight)
            if closer <= loss:
                break
            step /= 2
        else:
            break
        weights, loss = weights + step, closer
    raw = weights[:-1] / spread
    return np.append(raw, weights[-1] - raw @ mean)


def newton_step(
    weights: FloatArray,
    features: FloatArray,
    target: FloatArray,
    penalty: FloatArray,
    sample_weight: FloatArray | float = 1.0,
) -> tuple[FloatArray, FloatArray]:
    """Return one step towards the optimum of the penalised likelihood, and its gradient.

    Args:
        weights: Where to step from, ``(F,)``.
        features: A constant among them, ``(N, F)``.
        target: 0 to 1, ``(N,)``.
        penalty: Of the square of each weight, ``(F,)``.
        sample_weight: How much each sample counts, ``(N,)`` or one number.
    """
    fitted = sigmoid(features @ weights, LARGEST_EXPONENT)
    gradient = features.T @ (sample_weight * (target - fitted)) - penalty * weights
    bend = sample_weight * (fitted * (1 - fitted) + 1e-6)
    curvature = (features.T * bend) @ features + np.diag(penalty)
    return np.linalg.solve(curvature, gradient).astype(np.float64, copy=False), gradient


def linear(features: FloatArray, weights: FloatArray) -> FloatArray:
    """Return ``features @ weights[:-1] + weights[-1]``, ``(N,)``.

    Summed column by column: BLAS may round a row differently in another batch, and a batch must
    be decided as its samples are.
    """
    total = np.full(len(features), weights[-1])
    for i in range(features.shape[1]):
        total += features[:, i] * weights[i]
    return total


def sigmoid(x: FloatArray, limit: float = 500.0) -> FloatArray:
    """Return ``1 / (1 + exp(-x))`` without overflow; beyond ``limit`` it stays as it is there."""
    return 1.0 / (1.0 + np.exp(-np.clip(x, -limit, limit)))


def _loss(
    weights: FloatArray,
    features: FloatArray,
    target: FloatArray,
    penalty: FloatArray,
    sample_weight: FloatArray,
) -> float:
    """Return the weighted cross-entropy plus penalty."""
    activation = features @ weights
    entropy = np.logaddexp(0.0, activation) - target * activation
    return float(sample_weight @ entropy + 0.5 * penalty @ weights**2)
