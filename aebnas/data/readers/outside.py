"""Data sets from functions of users: what they return, checked as any other data are.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.data.dataset import Extras, Samples
from aebnas.errors import DataError
from aebnas.extensions import kinds
from aebnas.extensions.loading import loaded

Pair = tuple[NDArray[Any], NDArray[Any]]
"""Values uint8 ``(n, height, width, channels)``, 1 channel for grey or 3 for red, green and blue, and labels,
whole numbers from 0, ``(n,)``."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a function named in ``data.name`` returns."""

    train: Pair
    """All that may be trained and tuned on; calibrate and select are cut off it."""
    test: Pair | None = None
    """Never part of a search; None: ``data.test_share`` of train is cut off."""
    classes: Sequence[str] = ()
    """Names of the classes, a label is an index into them; none: the labels themselves."""


def read_outside(
    name: str, options: Mapping[str, Any]
) -> tuple[Samples, Samples | None, tuple[str, ...], Extras]:
    """Return what a function from outside reads.

    Args:
        name: ``package.module:function``.
        options: Its arguments.

    Raises:
        CodeError: The code is missing, wrong or not allowed.
        DataError: It returned something else.
    """
    return checked(name, loaded(name, kinds.DATASET)(**options))


def checked(name: str, returned: object) -> tuple[Samples, Samples | None, tuple[str, ...], Extras]:
    """Return what a function from outside returned, as other readers do.

    Args:
        name: Of the function, for messages.
        returned: What it returned.

    Raises:
        DataError: It is something else than arrays of images and labels.
    """
    if not isinstance(returned, Arrays):
        raise DataError(
            f"{name} must return aebnas.data.readers.outside.Arrays(train=(images, labels), ...), "
            f"but returned {type(returned).__name__}"
        )
    train = checked_pair(f"{name} (train)", returned.train)
    test = None if returned.test is None else checked_pair(f"{name} (test)", returned.test)
    classes = tuple(map(str, returned.classes)) or tuple(
        str(i) for i in range(int(train.labels.max(initial=-1)) + 1)
    )
    return train, test, classes, Extras()


def checked_pair(name: str, pair: Any) -> Samples:
    """Return images and labels that somebody gave as arrays.

    Args:
        name: For messages.
        pair: As in ``Arrays``.

    Raises:
        DataError: It is no pair of arrays of one length, or they are of other types.
    """
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(f"{name}: must be a pair (images, labels), but is {type(pair).__name__}")
    images, labels = (np.asarray(array) for array in pair)
    if images.dtype != np.uint8 or images.ndim != 4:
        raise DataError(
            f"{name}: images must be uint8 of shape (n, height, width, channels), "
            f"but are {images.dtype} of shape {images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise DataError(
            f"{name}: labels must be whole numbers of shape ({len(images)},), "
            f"but are {labels.dtype} of shape {labels.shape}"
        )
    return Samples(np.ascontiguousarray(images), labels.astype(np.int64))
