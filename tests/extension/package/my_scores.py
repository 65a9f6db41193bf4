"""Two exit scores: one from probabilities, one from logits."""

import numpy as np

from aebnas.extending import FloatArray


def gini(probabilities: FloatArray) -> FloatArray:
    """Return the sum of squared probabilities; ``(N, K)`` to ``(N,)``."""
    summed: FloatArray = (probabilities**2).sum(axis=1)
    return summed


def energy(logits: FloatArray) -> FloatArray:
    """Return log sum exp, the negative free energy (arXiv 2010.03759); ``(N, K)`` to ``(N,)``."""
    largest = logits.max(axis=1)
    free: FloatArray = largest + np.log(np.exp(logits - largest[:, np.newaxis]).sum(axis=1))
    return free
