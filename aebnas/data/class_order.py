"""The order of classes: the source's own, or the one in which a network that a user brings answers.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aebnas.config.choices import did_you_mean
from aebnas.data.dataset import Dataset, Samples, make_dataset
from aebnas.errors import DataError

SHOWN = 10
"""Names that a message lists."""


def in_order(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """Return a dataset whose labels count its classes in another order.

    Args:
        dataset: As its source has it.
        classes: The names of all its classes, each once.

    Raises:
        DataError: They are others.
    """
    _check(dataset, classes)
    place = np.array([list(classes).index(name) for name in dataset.classes], np.int64)

    def moved(samples: Samples) -> Samples:
        return replace(samples, labels=place[samples.labels])

    own = dataset.extras.select
    extras = replace(dataset.extras, select=None if own is None else moved(own))
    return make_dataset(dataset.name, moved(dataset.train), moved(dataset.test), classes, extras)


def _check(dataset: Dataset, classes: Sequence[str]) -> None:
    own = dataset.classes
    if sorted(classes) == sorted(own):
        return
    shown = ", ".join(own[:SHOWN]) + (f" and {len(own) - SHOWN} more" if len(own) > SHOWN else "")
    law = f"data.classes must be the {len(own)} classes of {dataset.name} in another order ({shown})"
    unknown = [name for name in classes if name not in own]
    if unknown:
        raise DataError(f"{law}, but got {unknown[0]!r}. {did_you_mean(unknown[0], list(own))}".rstrip())
    twice = [name for i, name in enumerate(classes) if name in classes[:i]]
    if twice:
        raise DataError(f"{law}, but {twice[0]!r} stands twice")
    missing = [name for name in own if name not in classes]
    raise DataError(f"{law}, but {missing[0]!r} is missing")
