"""Labelled samples with cached logits: what policies are fitted on, and what they are scored on.

The two must be disjoint: ``ExitSamples.split`` cuts one set in two.
Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray, ScoreArray, check_reach_cost
from aebnas.exits.core.exit_logits import ExitLogits, StoredScores


@dataclass(frozen=True, eq=False)
class ExitSamples:
    """N samples of one network with E exits.

    Attributes:
        logits: Logits of every exit, ``(N, E, K)``, N >= 1.
        labels: The right class, ``(N,)``, 0 to K - 1.
        reach_cost: Cost of leaving at each exit, heads tried on the way included, ``(E,)``,
            increasing, in any unit (MACs, ms, mJ).
    """

    logits: ExitLogits
    labels: IntArray
    reach_cost: FloatArray

    @classmethod
    def of(cls, logits: npt.ArrayLike, labels: npt.ArrayLike, reach_cost: npt.ArrayLike) -> "ExitSamples":
        """Return the samples of plain arrays.

        Raises:
            ShapeError: The arrays do not fit together, or there is no sample.
            DataError: A logit is not finite, a label is no class, or the cost is not increasing.
        """
        cached = ExitLogits(logits)
        samples = cls._checked(cached, labels, reach_cost)
        if samples.labels.max() >= cached.classes:
            raise DataError(f"Labels must be integers in 0..{cached.classes - 1}.")
        return samples

    @classmethod
    def of_scores(
        cls,
        scores: Mapping[str, ScoreArray],
        answers: npt.NDArray[Any],
        labels: npt.ArrayLike,
        reach_cost: npt.ArrayLike,
    ) -> "ExitSamples":
        """Return the samples of exits whose logits were not kept.

        Args:
            scores: By name, each ``(N, E)``, float32.
            answers: The class each exit answers, ``(N, E)``.
            labels: The right class, ``(N,)``.
            reach_cost: Cost of leaving at each exit, ``(E,)``, increasing.

        Raises:
            ShapeError: The arrays do not fit together, or there is no sample.
            DataError: A label is no integer from 0 on, or the cost is not increasing.
        """
        return cls._checked(StoredScores(scores, answers), labels, reach_cost)

    @classmethod
    def _checked(cls, cached: ExitLogits, labels: npt.ArrayLike, reach_cost: npt.ArrayLike) -> "ExitSamples":
        label_array = np.asarray(labels)
        cost = check_reach_cost(reach_cost)
        if label_array.shape != (len(cached),) or len(cached) == 0:
            raise ShapeError(
                f"Labels must have shape (samples,) = ({len(cached)},) with at least one sample, "
                f"but got {label_array.shape}."
            )
        if cost.size != cached.exits:
            raise ShapeError(f"The logits have {cached.exits} exits, the reach cost {cost.size}.")
        if not np.issubdtype(label_array.dtype, np.integer) or label_array.min() < 0:
            raise DataError("Labels must be integers from 0 on.")
        return cls(cached, label_array.astype(np.int64), cost)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    @property
    def exits(self) -> int:
        """Number of exits."""
        return self.logits.exits

    @cached_property
    def correct(self) -> BoolArray:
        """Is the answer of exit e right for sample n, ``(N, E)``."""
        right: BoolArray = self.logits.predictions == self.labels[:, np.newaxis]
        return right

    @cached_property
    def harmless(self) -> BoolArray:
        """Does leaving at exit e do no harm, ``(N, E)``; harm = wrong there, right at the last exit."""
        fine: BoolArray = self.correct | ~self.correct[:, -1:]
        return fine

    def take(self, index: IntArray) -> "ExitSamples":
        """Return the samples at the given positions."""
        return ExitSamples(self.logits.take(index), self.labels[index], self.reach_cost)

    def split(self, share: float, seed: int) -> tuple["ExitSamples", "ExitSamples"]:
        """Return two disjoint random parts, the first with about ``share`` of the samples.

        Raises:
            ShapeError: A part would be empty.
        """
        first = round(share * len(self))
        if not 0 < first < len(self):
            raise ShapeError(
                f"{len(self)} samples cannot be split: a share of {share:g} leaves one part empty."
            )
        order = np.random.default_rng(seed).permutation(len(self))
        return self.take(np.sort(order[:first])), self.take(np.sort(order[first:]))
