"""Leave at the first exit whose score reaches its threshold.

Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any, Self

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray, refuse_nan_thresholds
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy, Logits, require
from aebnas.exits.core.scores import check_score, scores_at
from aebnas.exits.core.threshold_codec import decode_thresholds, encode_thresholds


@dataclass(frozen=True)
class ThresholdPolicy(CausalPolicy):
    """Leave at the first exit whose score reaches its threshold.

    Attributes:
        score: A key of ``SCORES``.
        thresholds: E - 1 numbers; ``+inf`` disables an exit, ``-inf`` lets all leave.
    """

    score: str
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check score and thresholds.

        Raises:
            DataError: The score is unknown or a threshold is NaN.
        """
        check_score(self.score)
        refuse_nan_thresholds(self.thresholds)

    @property
    def exits(self) -> int:
        """Number of exits."""
        return len(self.thresholds) + 1

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        return self._reach(logits.score(self.score, exit_index), exit_index)

    def leave_unchecked(self, exit_index: int, logits: Logits) -> BoolArray:
        """Return what ``leave`` does, in half the time: it checks nothing.

        Args:
            exit_index: An exit before the last.
            logits: Of that exit alone, ``(N, K)``; finite.
        """
        if isinf(self.thresholds[exit_index]):  # no score is infinite
            return np.full(len(logits), self.thresholds[exit_index] < 0)
        return self._reach(scores_at(self.score, logits), exit_index)

    def _reach(self, scores: ScoreArray, exit_index: int) -> BoolArray:
        # float64: numpy would round a bare float threshold to float32
        mask: BoolArray = scores.astype(np.float64) >= self.thresholds[exit_index]
        return mask

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"policy": "threshold", "score": self.score, "thresholds": encode_thresholds(self.thresholds)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        score, thresholds = require(data, "threshold", "score", "thresholds")
        return cls(score, tuple(decode_thresholds(thresholds)))


def threshold_policies(score: str, thresholds: FloatArray) -> list[ThresholdPolicy]:
    """Return the policies of threshold vectors ``(P, E - 1)``, in order."""
    return [ThresholdPolicy(score, tuple(row)) for row in thresholds.tolist()]


def never_leave(exits: int) -> ThresholdPolicy:
    """Return the policy under which the last exit answers everything."""
    return ThresholdPolicy("confidence", (np.inf,) * (exits - 1))


def leave_at_once(exits: int) -> ThresholdPolicy:
    """Return the policy under which the first exit answers everything."""
    return ThresholdPolicy("confidence", (-np.inf,) * (exits - 1))
