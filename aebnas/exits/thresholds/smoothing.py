"""Estimated probability that each exit is right, to tune thresholds on instead of 0 and 1.

The best of a million threshold vectors on a finite sample is partly the luckiest.  Thresholds see
a sample only through its scores, so replacing "was exit e right on this sample" by "how often is
exit e right on samples with such scores" loses nothing in expectation and removes most of the
luck.  Per exit a ridge logistic regression on the ranks of all exits' scores; blended with the
raw values, more of them the more samples there are, as the model's bias does not shrink with N.

Must not import torch.
"""

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray
from aebnas.exits.thresholds.logistic import LARGEST_EXPONENT, newton_step, sigmoid

_MODEL_SAMPLES = 5000.0  # the model weighs as much as this many samples
_RIDGE = 1.0
_NEWTON_STEPS = 8


def smoothed_correctness(scores: ScoreArray, correct: BoolArray) -> FloatArray:
    """Return the estimated probability that each exit's answer is right.

    Args:
        scores: Shape ``(N, E)``; only their order within an exit matters.
        correct: Shape ``(N, E)``.

    Returns:
        Shape ``(N, E)``; the mean of every column is the exit's accuracy.
    """
    samples = len(scores)
    features = _features(scores)
    weight = _MODEL_SAMPLES / (_MODEL_SAMPLES + samples)
    smoothed = correct.astype(np.float64)
    for i in range(scores.shape[1]):
        model = _logistic(features, smoothed[:, i])
        smoothed[:, i] += weight * (model - smoothed[:, i])
    return smoothed


def _features(scores: ScoreArray) -> FloatArray:
    """Return a constant, the log-odds of every score's rank and their squares, ``(N, 1 + 2E)``."""
    samples, exits = scores.shape
    columns = [np.ones(samples)]
    for i in range(exits):
        ranked = np.sort(scores[:, i])
        below = np.searchsorted(ranked, scores[:, i], side="left")
        upto = np.searchsorted(ranked, scores[:, i], side="right")
        rank = (below + upto) / (2 * samples)  # ties share the middle of their ranks
        odds = np.log(rank / (1 - rank))
        columns += [odds, odds**2]
    features = np.stack(columns, axis=1)
    spread = features[:, 1:].std(axis=0)
    features[:, 1:] -= features[:, 1:].mean(axis=0)
    features[:, 1:] /= np.where(spread > 0, spread, 1.0)
    return features


def _logistic(features: FloatArray, target: FloatArray) -> FloatArray:
    """Take a few steps of Newton's method and return the fitted probabilities, ``(N,)``."""
    penalty = np.full(features.shape[1], _RIDGE)
    penalty[0] = 1e-6  # the constant is free: the mean prediction is the mean target
    weights = np.zeros(features.shape[1])
    for _ in range(_NEWTON_STEPS):
        weights += newton_step(weights, features, target, penalty)[0]
    return sigmoid(features @ weights, LARGEST_EXPONENT)
