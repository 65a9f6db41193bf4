"""Logistic regression by L-BFGS: small, deterministic, for gates and learned scores.

Must not import torch.
"""

import numpy as np

from aebnas.exits.arrays import FloatArray

_RIDGE = 1.0  # weighs as much as one sample with unit-variance features
_STEPS = 200


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
    scaled = (features - mean) / spread
    sample_weight = np.where(target > 0, weight_of_ones, 1.0)
    first = np.zeros(features.shape[1] + 1)
    if start is not None:
        first[:-1] = start[:-1] * np.where(np.isfinite(spread), spread, 0.0)
        first[-1] = start[-1] + start[:-1] @ mean
    from scipy.optimize import minimize  # 0.3 s: where it is needed alone

    found = minimize(
        _loss,
        first,
        args=(scaled, target, sample_weight),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS, "ftol": 1e-10, "gtol": 1e-7},
    ).x
    weights = found[:-1] / spread
    return np.append(weights, found[-1] - weights @ mean)


def linear(features: FloatArray, weights: FloatArray) -> FloatArray:
    """Return ``features @ weights[:-1] + weights[-1]``, ``(N,)``.

    Summed column by column: BLAS may round a row differently in another batch, and a batch must
    be decided as its samples are.
    """
    total = np.full(len(features), weights[-1])
    for i in range(features.shape[1]):
        total += features[:, i] * weights[i]
    return total


def sigmoid(x: FloatArray) -> FloatArray:
    """Return ``1 / (1 + exp(-x))`` without overflow."""
    return 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0)))


def _loss(
    parameters: FloatArray, features: FloatArray, target: FloatArray, sample_weight: FloatArray
) -> tuple[float, FloatArray]:
    """Return the mean weighted cross-entropy plus ridge, and its gradient."""
    samples = len(target)
    weights = parameters[:-1]
    activation = features @ weights + parameters[-1]
    entropy = np.logaddexp(0.0, activation) - target * activation
    slope = sample_weight * (sigmoid(activation) - target) / samples
    loss = sample_weight @ entropy / samples + 0.5 * _RIDGE * (weights @ weights) / samples
    gradient = np.append(features.T @ slope + _RIDGE * weights / samples, slope.sum())
    return float(loss), gradient
