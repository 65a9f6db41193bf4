"""Thresholds in JSON, which has no infinity: the words ``disabled`` (+inf) and ``always`` (-inf).

Must not import torch.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from aebnas.errors import DataError

JsonThreshold = float | str


def encode_thresholds(thresholds: Iterable[float]) -> list[JsonThreshold]:
    """Return one threshold vector as numbers and words."""
    names = {np.inf: "disabled", -np.inf: "always"}
    return [names.get(float(threshold), float(threshold)) for threshold in thresholds]


def decode_thresholds(entries: Any) -> list[float]:
    """Return one threshold vector from a list of numbers and words.

    Raises:
        DataError: It is no list, or an entry is neither a number nor one of the two words.
    """
    if not isinstance(entries, list | tuple):
        raise DataError(f"Thresholds must be a list, but got {entries!r}.")
    values = {"disabled": np.inf, "always": -np.inf}
    decoded = []
    for entry in entries:
        if isinstance(entry, str) and entry in values:
            decoded.append(values[entry])
        elif isinstance(entry, int | float) and not isinstance(entry, bool):
            decoded.append(float(entry))
        else:
            raise DataError(f"A threshold must be a number, 'always' or 'disabled', but got {entry!r}.")
    return decoded
