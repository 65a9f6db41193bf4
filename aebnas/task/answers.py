"""Answers of a classifier, read from logits without torch: the class of each exit, and whether it is right.

The other half, what a training compares logits with, stands in ``aebnas.training.losses.labelled``.
Must not import torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def answers(logits: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class that each exit answers: logits ``(..., classes)`` to ``(...)``."""
    classes: NDArray[np.int64] = logits.argmax(axis=-1).astype(np.int64)
    return classes


def is_right(logits: NDArray[Any], labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return whether each exit is right: logits ``(n, e, classes)`` and labels ``(n,)`` to ``(n, e)``."""
    right: NDArray[np.bool_] = answers(logits) == labels[:, None]
    return right
