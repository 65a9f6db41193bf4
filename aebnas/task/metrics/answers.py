"""Metrics of answers: where classes differ in number or in worth, accuracy alone flatters.

Equal to ``balanced_accuracy_score`` and ``f1_score(average="macro")`` of scikit-learn.
Must not import torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aebnas.task.metrics.inputs import Answers


def balanced_accuracy(given: Answers) -> float:
    """Return the mean over the classes of the share of a class's samples that is answered rightly.

    Classes without a sample are left out.
    """
    asked, _, right = _counts(given)
    there = asked > 0
    return float((right[there] / asked[there]).mean())


def macro_f1(given: Answers) -> float:
    """Return the mean over the classes of F1, the harmonic mean of precision and recall.

    Classes that neither a sample has nor an answer names are left out.
    """
    asked, named, right = _counts(given)
    there = asked + named > 0
    return float((2 * right[there] / (asked + named)[there]).mean())


def _counts(given: Answers) -> tuple[NDArray[np.float64], ...]:
    """Return per class: samples, answers that name it, right ones among them."""
    classes = int(max(given.labels.max(), given.answers.max())) + 1
    named = (given.labels, given.answers, given.labels[given.labels == given.answers])
    return tuple(np.bincount(labels, minlength=classes).astype(np.float64) for labels in named)
