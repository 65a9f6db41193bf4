"""What the exits computed so far say of samples: logits, and what policies derive from them.

Notation: N samples, E exits computed, K classes.
Must not import torch.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import FloatArray, IntArray, ScoreArray
from aebnas.exits.core.scores import check_logits, predictions, scores_of, softmax


class ExitLogits:
    """Logits ``(N, E, K)`` and their probabilities, answers and scores, each computed once, on demand."""

    def __init__(self, logits: npt.ArrayLike) -> None:
        """Check the logits.

        Raises:
            ShapeError: Not ``(N, E, K)`` with at least one exit and two classes.
            DataError: A logit is NaN or infinite.
        """
        self._values = np.asarray(logits)
        check_logits(self._values)
        self._probabilities: dict[int, FloatArray] = {}
        self._scores: dict[tuple[str, int], ScoreArray] = {}
        self._predictions: IntArray | None = None

    @property
    def values(self) -> npt.NDArray[Any]:
        """The logits, ``(N, E, K)``."""
        return self._values

    @property
    def exits(self) -> int:
        """Number of exits."""
        return int(self.values.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.values.shape[2])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.values)

    def take(self, index: IntArray) -> "ExitLogits":
        """Return the samples at the given positions."""
        return ExitLogits(self.values[index])

    def upto(self, exits: int) -> "ExitLogits":
        """Return the first exits alone."""
        return ExitLogits(self.values[:, :exits])

    def probabilities(self, exit_index: int) -> FloatArray:
        """Return the class probabilities of one exit, float64, ``(N, K)``."""
        if exit_index not in self._probabilities:
            self._probabilities[exit_index] = softmax(self.values[:, exit_index])
        return self._probabilities[exit_index]

    def score(self, name: str, exit_index: int) -> ScoreArray:
        """Return one exit's score, float32, ``(N,)``; as ``exit_scores`` computes it.

        Raises:
            DataError: The name is unknown.
        """
        key = (name, exit_index)
        if key not in self._scores:
            logits = self.values[:, exit_index]
            self._scores[key] = scores_of(name, logits, lambda: self.probabilities(exit_index))
        return self._scores[key]

    def scores(self, name: str) -> ScoreArray:
        """Return the score of every exit, float32, ``(N, E)``."""
        return np.stack([self.score(name, i) for i in range(self.exits)], axis=1)

    @property
    def predictions(self) -> IntArray:
        """The class each exit answers, ``(N, E)``."""
        if self._predictions is None:
            self._predictions = predictions(self.values)
        return self._predictions

    def truth_probability(self, labels: IntArray) -> FloatArray:
        """Return the probability each exit gives to the label, ``(N, E)``.

        Raises:
            DataError: A label is not a class.
        """
        if labels.size and (labels.min() < 0 or labels.max() >= self.classes):
            raise DataError(
                f"Labels lie in {labels.min()}..{labels.max()}, but the classes are 0..{self.classes - 1}."
            )
        columns = [self.probabilities(i)[np.arange(len(self)), labels] for i in range(self.exits)]
        return np.stack(columns, axis=1)


class StoredScores(ExitLogits):
    """Scores and answers of exits whose logits were not kept: enough for policies that look at no more.

    Whatever needs the logits themselves raises ``DataError``.
    """

    def __init__(self, scores: Mapping[str, ScoreArray], answers: npt.NDArray[Any]) -> None:
        """Check that all have one shape.

        Args:
            scores: By name, each ``(N, E)``, float32.
            answers: The class each exit answers, ``(N, E)``.

        Raises:
            ShapeError: They do not.
        """
        for name, columns in scores.items():
            if answers.ndim != 2 or columns.shape != answers.shape:
                raise ShapeError(
                    f"Scores and answers must share one shape (samples, exits), but {name} has "
                    f"{columns.shape} and the answers {answers.shape}."
                )
        self._stored, self._answers = scores, answers.astype(np.int64)

    @property
    def values(self) -> npt.NDArray[Any]:
        """The logits, which are not there.

        Raises:
            DataError: Always.
        """
        raise DataError("This policy needs the logits of the exits, but scores and answers alone were kept.")

    @property
    def exits(self) -> int:
        """Number of exits."""
        return int(self._answers.shape[1])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._answers)

    def take(self, index: IntArray) -> ExitLogits:
        """Return the samples at the given positions."""
        scores = {name: columns[index] for name, columns in self._stored.items()}
        return StoredScores(scores, self._answers[index])

    def upto(self, exits: int) -> ExitLogits:
        """Return the first exits alone."""
        scores = {name: columns[:, :exits] for name, columns in self._stored.items()}
        return StoredScores(scores, self._answers[:, :exits])

    def probabilities(self, exit_index: int) -> FloatArray:
        """Return nothing: probabilities come from logits.

        Raises:
            DataError: Always.
        """
        return softmax(self.values[:, exit_index])

    def score(self, name: str, exit_index: int) -> ScoreArray:
        """Return one exit's score, float32, ``(N,)``.

        Raises:
            DataError: It was not kept.
        """
        return self.scores(name)[:, exit_index]

    def scores(self, name: str) -> ScoreArray:
        """Return the score of every exit, float32, ``(N, E)``.

        Raises:
            DataError: It was not kept.
        """
        if name not in self._stored:
            raise DataError(f"The score {name!r} was not kept. Kept: {', '.join(self._stored) or 'none'}.")
        return self._stored[name]

    @property
    def predictions(self) -> IntArray:
        """The class each exit answers, ``(N, E)``."""
        return self._answers
