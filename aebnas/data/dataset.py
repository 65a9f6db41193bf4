"""What a dataset is in memory: samples, labels, class names and a fingerprint.

Every reader of this room ends in ``make_dataset``, so that whatever reaches a
split or a network has passed the same checks.  Images are ``(n, h, w, c)`` with
``c`` 1 (grey) or 3 (red, green, blue).

Must not import torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from aebnas.config.schema import SixteenBitDepth
from aebnas.data.checks.class_names import check_class_names
from aebnas.errors import DataError

Images: TypeAlias = NDArray[np.uint8]
Values: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]
STORED = ("uint8", "float32")
"""Types of values: pixels, or signals as they were measured."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Images or other measurements of one shape, and their labels.

    Args:
        values: uint8 or float32, C-contiguous, shape ``(n, *size, c)``: ``(n, h, w, c)`` of images.
        labels: int64, shape ``(n,)``.
        names: What people call each sample, for messages: its file, or its array and index; empty: nothing.
    """

    values: Values
    labels: Labels
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays whose type or shape breaks the law above."""
        values = self.values
        if values.dtype.name not in STORED or values.ndim < 2 or not values.flags.c_contiguous:
            raise DataError(
                f"samples must be C-contiguous {' or '.join(STORED)} of shape (n, ..., channels), of images "
                f"(n, h, w, c), but got {values.dtype} of shape {values.shape}"
            )
        if self.labels.dtype != np.int64 or self.labels.shape != values.shape[:1]:
            raise DataError(
                f"labels must be int64 of shape ({len(values)},), "
                f"but got {self.labels.dtype} of shape {self.labels.shape}"
            )
        if self.names and len(self.names) != len(self.labels):
            raise DataError(f"{len(self.labels)} samples, but {len(self.names)} names of them")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of every sample, channels last: height, width and channels of an image."""
        return self.values.shape[1:]

    @property
    def pixels(self) -> Images:
        """The values of images, ``(n, h, w, c)``.

        Raises:
            DataError: They are no images.
        """
        if self.values.dtype != np.uint8 or self.values.ndim != 4:
            raise DataError(
                "only images can be read here, uint8 of shape (n, h, w, c), "
                f"but these samples are {self.values.dtype} of shape {self.values.shape}"
            )
        return cast(Images, self.values)

    def take(self, indices: NDArray[np.int64]) -> Samples:
        """Return a copy of the samples at ``indices``, in that order."""
        names = tuple(self.names[index] for index in indices.tolist()) if self.names else ()
        return Samples(self.values[indices], self.labels[indices], names)

    def named(self, part: str) -> Samples:
        """Return the same samples; those without names are called ``part[0]``, ``part[1]``, ..."""
        return self if self.names else replace(self, names=tuple(f"{part}[{i}]" for i in range(len(self))))

    def unnamed(self) -> Samples:
        """Return the same samples without names: what trains them needs none."""
        return replace(self, names=()) if self.names else self

    def class_counts(self, classes: int) -> NDArray[np.int64]:
        """Return the number of samples of each class; shape ``(classes,)``."""
        return np.bincount(self.labels, minlength=classes).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Extras:
    """What only some sources of images have.

    Args:
        select: Images that score candidates; None: they are cut off from train.
        notes: What a person should know of how the images were read.
        depth: Bits that 16-bit files were read with; None: there are none.
    """

    select: Samples | None = None
    notes: tuple[str, ...] = ()
    depth: SixteenBitDepth | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """A checked dataset; only ``aebnas evaluate`` looks at ``test``.

    Args:
        name: Name of a known dataset, or the path of a folder or file.
        train: Everything that may be split, trained on and tuned on.
        test: Never part of a search.
        classes: Names; a label is an index into them.
        fingerprint: sha256 over all arrays and names.
        extras: What only some sources have.
    """

    name: str
    train: Samples
    test: Samples
    classes: tuple[str, ...]
    fingerprint: str
    extras: Extras = field(default_factory=Extras)


def make_dataset(
    name: str, train: Samples, test: Samples, classes: Sequence[str], extras: Extras | None = None
) -> Dataset:
    """Return the checked dataset with its fingerprint.

    Raises:
        DataError: Fewer than two classes, names that cannot be written, a label without a class, a class
            without training images, no test image, or images of two shapes.
    """
    names = tuple(classes)
    if len(names) < 2 or len(set(names)) != len(names):
        raise DataError(
            f"{name}: at least 2 different classes are needed, but got {len(names)}: {list(names[:5])}"
        )
    check_class_names(name, names)
    extras = extras or Extras()
    parts = {"train": train, "test": test} | ({} if extras.select is None else {"select": extras.select})
    for part, images in parts.items():
        check_labels(images.labels, len(names), f"{name} ({part})")
        _check_shapes(name, train, part, images)
    counts = train.class_counts(len(names))
    if not counts.all():
        empty = [names[index] for index in np.flatnonzero(counts == 0)]
        raise DataError(
            f"{name} (train): class {empty[0]!r} has 0 images "
            f"({len(empty)} of {len(names)} classes are empty). "
            "Every class needs training images: add some, or remove the class."
        )
    return Dataset(name, train, test, names, _fingerprint(names, *parts.values()), extras)


def check_labels(labels: NDArray[np.integer], classes: int, where: str) -> None:
    """Refuse an empty set and labels outside ``0 .. classes - 1``, naming the first."""
    if len(labels) == 0:
        raise DataError(f"{where}: 0 images; at least 1 is needed")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise DataError(
            f"{where}: label {labels[wrong[0]]} of image {wrong[0]} is outside 0..{classes - 1} "
            f"({len(wrong)} of {len(labels)} labels are)"
        )


def _check_shapes(name: str, train: Samples, part: str, images: Samples) -> None:
    if train.shape != images.shape:
        raise DataError(
            f"{name}: train and {part} images must have one shape (h, w, c), "
            f"but train has {train.shape} and {part} has {images.shape}"
        )
    height, width, channels = train.pixels.shape[1:]
    if channels not in (1, 3) or min(height, width) < 1:
        raise DataError(
            f"{name}: images must have 1 (grey) or 3 (RGB) channels and at least 1 x 1 pixel, "
            f"but got (h, w, c) = {train.shape}"
        )


def _fingerprint(classes: tuple[str, ...], *parts: Samples) -> str:
    digest = hashlib.sha256(repr((classes, *(part.values.shape for part in parts))).encode())
    for part in parts:
        digest.update(part.values.data)
        digest.update(np.ascontiguousarray(part.labels, dtype="<i8").data)
    return digest.hexdigest()
