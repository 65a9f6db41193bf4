"""Sets of exits from heads that are there: their logits side by side, which is all that scoring needs.

What is derived from one head's logits (probabilities, scores, answers) is computed once for all sets that
have it.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.errors import ShapeError
from aebnas.exits.core.arrays import FloatArray, IntArray, ScoreArray
from aebnas.exits.core.exit_logits import ExitLogits


class ExitAnswers:
    """What one exit says of calibrate and select."""

    def __init__(self, calibrate: NDArray[np.float32], select: NDArray[np.float32]) -> None:
        """Check the logits, each ``(n, classes)``.

        Raises:
            ShapeError: They have another shape.
            DataError: One is NaN or infinite.
        """
        for logits in (calibrate, select):
            if logits.ndim != 2:
                raise ShapeError(f"logits of one exit must have shape (n, classes), but got {logits.shape}")
        self.calibrate, self.select = (ExitLogits(logits[:, np.newaxis]) for logits in (calibrate, select))


@dataclass(frozen=True, eq=False)
class ExitSet:
    """The exits of one network, from early to last."""

    calibrate: ExitLogits
    select: ExitLogits


def exit_set(exits: Sequence[ExitAnswers]) -> ExitSet:
    """Return exits side by side.

    Args:
        exits: In the order in which the network reaches them, the last answer among them.

    Raises:
        ShapeError: They have differing numbers of images or classes.
    """
    return ExitSet(
        StackedLogits([exit_.calibrate for exit_ in exits]), StackedLogits([exit_.select for exit_ in exits])
    )


class StackedLogits(ExitLogits):
    """Logits of exits that share what was computed of each one alone."""

    def __init__(self, columns: Sequence[ExitLogits]) -> None:
        """Put exits side by side.

        Args:
            columns: Of one exit each, at least one.

        Raises:
            ShapeError: They have differing numbers of images or classes, or there is none.
        """
        shapes = {column.values.shape for column in columns}
        if len(shapes) != 1:
            raise ShapeError(
                f"exits of one set must have logits of one shape (n, 1, classes), but got {sorted(shapes)}"
            )
        super().__init__(np.concatenate([column.values for column in columns], axis=1))
        self._columns = tuple(columns)

    def probabilities(self, exit_index: int) -> FloatArray:
        """Return the class probabilities of one exit, float64, ``(n, classes)``."""
        return self._columns[exit_index].probabilities(0)

    def score(self, name: str, exit_index: int) -> ScoreArray:
        """Return one exit's score, float32, ``(n,)``.

        Raises:
            DataError: The name is unknown.
        """
        return self._columns[exit_index].score(name, 0)

    @property
    def predictions(self) -> IntArray:
        """The class each exit answers, ``(n, exits)``."""
        return np.concatenate([column.predictions for column in self._columns], axis=1)
