"""Leave at the first exit whose learned score reaches its threshold.

Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from aebnas.errors import ShapeError
from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray, refuse_nan_thresholds
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy, numbers, require, rows
from aebnas.exits.core.threshold_codec import decode_thresholds, encode_thresholds
from aebnas.exits.thresholds.logistic import linear, sigmoid

_KIND = "learned_scores"
_EXTRA = 3  # largest probability, entropy, vote


@dataclass(frozen=True)
class LearnedScorePolicy(CausalPolicy):
    """Linear scores on what the exits so far say, and a threshold each.

    Attributes:
        weights: Per exit but the last, the weights of ``score_features`` and a bias: K + 3 + e + 1
            numbers for K classes at exit e.
        thresholds: Per exit but the last; ``+inf`` disables an exit, ``-inf`` lets all leave.
    """

    weights: tuple[tuple[float, ...], ...]
    thresholds: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that weights and thresholds fit together.

        Raises:
            ShapeError: They do not.
            DataError: A threshold is NaN.
        """
        sizes = [len(row) - i for i, row in enumerate(self.weights)]
        if len(self.weights) != len(self.thresholds) or len(set(sizes)) > 1:
            raise ShapeError(
                "Weights and thresholds need an entry per exit but the last, the weights growing."
            )
        refuse_nan_thresholds(self.thresholds)

    @property
    def exits(self) -> int:
        """Number of exits."""
        return len(self.thresholds) + 1

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        if len(self.weights[0]) != logits.classes + _EXTRA + 1:
            raise ShapeError(
                f"The policy decides for {len(self.weights[0]) - _EXTRA - 1} classes, "
                f"but the logits have {logits.classes}."
            )
        rows = [np.array(row) for row in self.weights[: exit_index + 1]]
        scores = learned_scores(logits, rows)[:, exit_index].astype(np.float64)
        leaves: BoolArray = scores >= self.thresholds[exit_index]
        return leaves

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "policy": _KIND,
            "weights": [list(row) for row in self.weights],
            "thresholds": encode_thresholds(self.thresholds),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        weights, thresholds = require(data, _KIND, "weights", "thresholds")
        parsed = tuple(numbers(row, "weights") for row in rows(weights, "weights"))
        return cls(parsed, tuple(decode_thresholds(thresholds)))


def score_features(logits: ExitLogits, exit_index: int, earlier: ScoreArray) -> FloatArray:
    """Return what the score of one exit is linear in, ``(N, K + 3 + exit_index)``.

    The K probabilities, the largest, 1 - normalised entropy, the share of exits so far that answer
    the same, and the learned scores of the exits before.

    Args:
        logits: At least exits 0 to ``exit_index``.
        exit_index: The exit.
        earlier: Learned scores of the exits before, ``(N, exit_index)``.
    """
    answers = logits.predictions[:, : exit_index + 1]
    vote = (answers == answers[:, -1:]).mean(axis=1)
    columns = [
        logits.probabilities(exit_index),
        logits.score("confidence", exit_index)[:, np.newaxis],
        logits.score("entropy", exit_index)[:, np.newaxis],
        vote[:, np.newaxis],
        earlier,
    ]
    return np.concatenate(columns, axis=1).astype(np.float32).astype(np.float64)


def learned_scores(logits: ExitLogits, weights: list[FloatArray]) -> ScoreArray:
    """Return the learned scores of the first exits, 0 to 1, float32, ``(N, len(weights))``."""
    scores = np.zeros((len(logits), 0), dtype=np.float32)
    for i, row in enumerate(weights):
        score = sigmoid(linear(score_features(logits, i, scores), row)).astype(np.float32)
        scores = np.concatenate([scores, score[:, np.newaxis]], axis=1)
    return scores
