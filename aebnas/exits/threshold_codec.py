"""Thresholds in JSON, which has no infinity: the words ``disabled`` (+inf) and ``always`` (-inf).

Must not import torch.
"""

from collections.abc import Iterable

import numpy as np

from aebnas.errors import DataError

JsonThreshold = float | str


def encode_thresholds(thresholds: Iterable[float]) -> list[JsonThreshold]:
    """Return one threshold vector as numbers and words."""
    words = {np.inf: "disabled", -np.inf: "always"}
    return [words.get(float(threshold), float(threshold)) for threshold in thresholds]


def decode_thresholds(entries: Iterable[JsonThreshold]) -> list[float]:
    """Return one threshold vector from numbers and words.

    Raises:
        DataError: An entry is neither a number nor one of the two words.
    """
    words = {"disabled": np.inf, "always": -np.inf}
    decoded = []
    for entry in entries:
        if isinstance(entry, str) and entry in words:
            decoded.append(words[entry])
        elif isinstance(entry, int | float) and not isinstance(entry, bool):
            decoded.append(float(entry))
        else:
            raise DataError(f"A threshold must be a number, 'always' or 'disabled', but got {entry!r}.")
    return decoded
