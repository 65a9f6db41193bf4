"""What a run keeps of each candidate's answers on calibrate and select.

Must not import torch.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aebnas.errors import CodeRefusedError, DataError, RunError
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import softmax
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.static.networks import StaticNetwork
from aebnas.runs.store.arrays import read_labels, read_logits
from aebnas.runs.store.store import RunStore

Split = Literal["calibrate", "select"]
SPLITS: tuple[Split, ...] = ("calibrate", "select")


class Answers:
    """Answers of candidates, from their rows; None where they, or the labels, are not kept or damaged."""

    def __init__(self, store: RunStore) -> None:
        """Take the run."""
        self._store = store

    def static(self, network: StaticNetwork) -> NDArray[np.float64] | None:
        """Return for each image of select 1 where a static network is right, else 0; shape ``(N,)``."""
        if network.right is not None:
            return network.right.astype(float)
        samples = self.samples(network.evaluations[-1], "select")
        return None if samples is None else samples.correct[:, network.exit_index].astype(float)

    def at(self, point: OperatingPoint) -> NDArray[np.float64] | None:
        """Return the same of a network with exits at one point of its curve."""
        samples, policy = self.samples(point.evaluation, "select"), point.curve.policies[point.index]
        if samples is None:
            return None
        try:
            chosen = policy.decide(samples.logits)
        except CodeRefusedError:  # a policy from outside, which a report does not run unasked
            return None
        except DataError:  # it looks at logits, which are kept apart
            samples = self._with_logits(point.evaluation)
            if samples is None:
                return None
            chosen = policy.decide(samples.logits)
        return samples.correct[np.arange(len(samples)), chosen].astype(float)

    def samples(self, evaluation: Evaluation, split: Split) -> ExitSamples | None:
        """Return scores and answers of every exit of a candidate."""
        try:
            records = self._store.exit_records(evaluation.key, evaluation.fidelity)
            if records is None:
                return None
            i = SPLITS.index(split)
            record, labels = records[i], read_labels(self._store.path)[i]
        except RunError:
            return None
        return ExitSamples.of_scores(record.scores, record.predictions, labels, evaluation.reach_macs)

    def probabilities(self, evaluation: Evaluation) -> tuple[FloatArray, ...] | None:
        """Return what a candidate's last exit says of calibrate and of select, each ``(N, classes)``.

        None: its logits are not kept, as those of few candidates are.
        """
        try:
            return tuple(softmax(logits[:, -1]) for logits in self._logits(evaluation))
        except (RunError, DataError):
            return None

    def _with_logits(self, evaluation: Evaluation) -> ExitSamples | None:
        try:
            labels = read_labels(self._store.path)[1]
            return ExitSamples.of(self._logits(evaluation)[1], labels, evaluation.reach_macs)
        except (RunError, DataError):
            return None

    def _logits(self, evaluation: Evaluation) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a candidate's logits on calibrate and on select, ``(N, E, K)``.

        Raises:
            RunError: They are not kept, or damaged.
        """
        return read_logits(self._store.artefacts.logits_path(evaluation.key, evaluation.fidelity))
