"""Selective prediction: how well a score tells right answers from wrong ones, by risk-coverage and AUROC.

Equal scores are answered or refused together.  Must not import torch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from aebnas.errors import ShapeError
from aebnas.exits.core.arrays import BoolArray, FloatArray

Scores = npt.NDArray[Any]


def risk_coverage(scores: Scores, correct: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return coverage and risk when only samples from some score on are answered.

    Args:
        scores: ``(N,)``, N >= 1, higher = surer.
        correct: ``(N,)``.

    Returns:
        Share of samples answered and share of wrong answers among them, one pair per distinct
        score, the most confident first.

    Raises:
        ShapeError: The arrays do not fit together, or are empty.
    """
    _check(scores, correct)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    wrong = np.cumsum(~correct[order])[ends]
    return (ends + 1) / len(ranked), wrong / (ends + 1)


def area_under_risk_coverage(scores: Scores, correct: BoolArray) -> float:
    """Return the risk averaged over the N coverages 1/N, 2/N ... 1 (lower is better).

    Within equal scores the expected number of wrong answers is taken, so that the order of the
    samples plays no part.

    Raises:
        ShapeError: The arrays do not fit together, or are empty.
    """
    coverage, risk = risk_coverage(scores, correct)
    samples = len(scores)
    answered = np.arange(1, samples + 1)
    wrong = np.interp(answered, np.append(0, coverage * samples), np.append(0, risk * coverage * samples))
    return float((wrong / answered).mean())


def coverage_at_risk(scores: Scores, correct: BoolArray, max_risk: float = 0.05) -> float:
    """Return the largest share of samples that can be answered with at most ``max_risk`` wrong; else 0.

    Raises:
        ShapeError: The arrays do not fit together, or are empty.
    """
    coverage, risk = risk_coverage(scores, correct)
    within = coverage[risk <= max_risk]
    return float(within.max()) if within.size else 0.0


def failure_auroc(scores: Scores, correct: BoolArray) -> float:
    """Return the probability that a right answer scores above a wrong one, ties counting half.

    NaN when all answers are right or all are wrong.

    Raises:
        ShapeError: The arrays do not fit together, or are empty.
    """
    _check(scores, correct)
    right, wrong = int(correct.sum()), int((~correct).sum())
    if right == 0 or wrong == 0:
        return float("nan")
    ranks = rankdata(scores)[correct].sum()
    return float((ranks - right * (right + 1) / 2) / (right * wrong))


def _check(scores: Scores, correct: BoolArray) -> None:
    if scores.ndim != 1 or scores.shape != correct.shape or scores.size == 0:
        raise ShapeError(
            f"Scores and correct must share one shape (samples,), but got {scores.shape}, {correct.shape}."
        )
