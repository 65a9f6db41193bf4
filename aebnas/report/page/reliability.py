"""Reliability of every exit of a run's candidates, from the scores that the run stored.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from aebnas.errors import RunError
from aebnas.evaluation.record import Evaluation, ExitRecord
from aebnas.exits.core.arrays import IntArray
from aebnas.exits.quality.calibration import Reliability, reliability
from aebnas.runs.store.arrays import read_labels
from aebnas.runs.store.store import RunStore

CONFIDENCE = "confidence"
"""Name of the stored score: the largest probability."""


@dataclass(frozen=True)
class ExitReliability:
    """The confidence of one exit, and how often it is right, if it answered every image."""

    select: Reliability
    """Bins on select, which no policy was fitted on."""
    calibrate_error: float
    """Expected calibration error on calibrate, to see whether both splits agree."""


def reliabilities(
    store: RunStore, evaluations: Iterable[Evaluation]
) -> Mapping[str, tuple[ExitReliability, ...]]:
    """Return the reliability of every exit by candidate; those without stored scores are left out.

    Args:
        store: The run.
        evaluations: Of finished candidates.
    """
    try:
        labels = read_labels(store.path)
    except RunError:
        return {}
    by_key = {}
    for evaluation in evaluations:
        records = store.exit_records(evaluation.key, evaluation.fidelity)
        if records is not None and _fit(records, labels):
            by_key[evaluation.key] = _of_exits(records, labels)
    return by_key


def _fit(records: tuple[ExitRecord, ExitRecord], labels: tuple[IntArray, IntArray]) -> bool:
    return all(
        CONFIDENCE in record.scores and len(record.predictions) == len(truth)
        for record, truth in zip(records, labels, strict=True)
    )


def _of_exits(
    records: tuple[ExitRecord, ExitRecord], labels: tuple[IntArray, IntArray]
) -> tuple[ExitReliability, ...]:
    exits = []
    for i in range(records[0].predictions.shape[1]):
        on_calibrate, on_select = (
            reliability(record.scores[CONFIDENCE][:, i].astype(np.float64), record.predictions[:, i] == truth)
            for record, truth in zip(records, labels, strict=True)
        )
        exits.append(ExitReliability(on_select, on_calibrate.error))
    return tuple(exits)
