"""Calibration: whether confidence matches accuracy, at every exit and for the decisions really taken.

Must not import torch.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aebnas.errors import ShapeError
from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.quality.selective import area_under_risk_coverage, coverage_at_risk, failure_auroc

BINS = 15
_SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of equal width between 0 and 1.

    Attributes:
        count: Samples per bin.
        confidence: Mean confidence per bin; NaN in an empty one.
        accuracy: Share of right answers per bin; NaN in an empty one.
    """

    count: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def error(self) -> float:
        """Expected calibration error: |confidence - accuracy|, weighted by count; NaN without samples."""
        count = np.array(self.count)
        if not count.sum():
            return float("nan")
        filled = count > 0
        gap = np.abs(np.array(self.confidence) - np.array(self.accuracy))[filled]
        return float(gap @ count[filled] / count.sum())


@dataclass(frozen=True)
class CalibrationReport:
    """How well the answers of one group of samples are calibrated.

    All NaN without samples; ``failure_auroc`` also when all answers are right or all wrong.

    Attributes:
        samples: How many.
        accuracy: Share of right answers.
        ece: Expected calibration error of the confidence, 15 bins.
        nll: Mean negative log-likelihood of the label, in nats.
        brier: Mean squared distance between probabilities and label, 0 to 2.
        aurc: Area under the risk-coverage curve of the confidence.
        coverage_at_5: Largest coverage with at most 5% of the answers wrong.
        failure_auroc: Probability that a right answer is surer than a wrong one.
        reliability: The bins.
    """

    samples: int
    accuracy: float
    ece: float
    nll: float
    brier: float
    aurc: float
    coverage_at_5: float
    failure_auroc: float
    reliability: Reliability

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with None for NaN."""
        data: dict[str, Any] = _without_nan(asdict(self))
        return data


@dataclass(frozen=True)
class ExitCalibration:
    """One exit among all samples, and among those that arrive there under a policy."""

    all_samples: CalibrationReport
    arriving: CalibrationReport


def reliability(confidence: FloatArray, correct: BoolArray, bins: int = BINS) -> Reliability:
    """Return confidence against accuracy in bins of equal width, ``((i - 1) / bins, i / bins]``.

    Args:
        confidence: Probability of the answer, ``(N,)``.
        correct: ``(N,)``.
        bins: How many.

    Raises:
        ShapeError: The arrays do not fit together.
    """
    if confidence.ndim != 1 or confidence.shape != correct.shape:
        raise ShapeError(f"One confidence per answer is needed: {confidence.shape} and {correct.shape}.")
    cell = np.clip(np.ceil(confidence.astype(np.float64) * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(cell, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(cell, confidence, minlength=bins) / count
        right = np.bincount(cell, correct, minlength=bins) / count
    return Reliability(tuple(count.tolist()), tuple(mean.tolist()), tuple(right.tolist()))


def decision_calibration(samples: ExitSamples, chosen: IntArray) -> CalibrationReport:
    """Return the calibration of the decisions really taken.

    Args:
        samples: Samples that nothing was fitted on.
        chosen: The exit where each sample leaves, ``(N,)``.
    """
    each = np.stack([samples.logits.probabilities(i) for i in range(samples.exits)], axis=1)
    rows = np.arange(len(samples))
    return _report(each[rows, chosen], samples.labels, samples.correct[rows, chosen])


def exit_calibration(samples: ExitSamples, chosen: IntArray) -> list[ExitCalibration]:
    """Return the calibration of every exit, among all samples and among those that arrive.

    Args:
        samples: Samples that nothing was fitted on.
        chosen: The exit where each sample leaves, ``(N,)``: those that leave later arrive too.
    """
    reports = []
    for i in range(samples.exits):
        probabilities, correct = samples.logits.probabilities(i), samples.correct[:, i]
        arrives = chosen >= i
        reports.append(
            ExitCalibration(
                _report(probabilities, samples.labels, correct),
                _report(probabilities[arrives], samples.labels[arrives], correct[arrives]),
            )
        )
    return reports


def _report(probabilities: FloatArray, labels: IntArray, correct: BoolArray) -> CalibrationReport:
    confidence = probabilities.max(axis=1)
    bins = reliability(confidence, correct)
    if not len(labels):
        return CalibrationReport(0, *(float("nan"),) * 7, bins)
    truth = probabilities[np.arange(len(labels)), labels]
    return CalibrationReport(
        samples=len(labels),
        accuracy=float(correct.mean()),
        ece=bins.error,
        nll=float(-np.log(np.maximum(truth, _SMALLEST_PROBABILITY)).mean()),
        brier=float(((probabilities**2).sum(axis=1) - 2 * truth + 1).mean()),
        aurc=area_under_risk_coverage(confidence, correct),
        coverage_at_5=coverage_at_risk(confidence, correct),
        failure_auroc=failure_auroc(confidence, correct),
        reliability=bins,
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and np.isnan(value) else value
