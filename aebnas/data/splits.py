"""Splits: which training images train, calibrate and select.

The three are disjoint and stratified.  Images are first put into a *stratified
order*: a random order in which every stretch holds each class in proportion.
Any cut of that order is a stratified split, and its size is exact.  Test data
are no part of this: ``Dataset.test`` alone holds them.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.config.schema import DataConfig
from aebnas.data.dataset import Dataset, ImageSet, Labels
from aebnas.errors import DataError
from aebnas.task.task import Task

NAMES = ("train", "calibrate", "select")


@dataclass(frozen=True, eq=False)
class Splits:
    """The three disjoint parts of the training data, and what identifies them.

    Args:
        train: Trains the weights.
        calibrate: Tunes thresholds.
        select: Scores candidates.
        classes: Names; a label is an index into them.
        fingerprint: sha256 over the dataset's fingerprint and the chosen indices.
    """

    train: ImageSet
    calibrate: ImageSet
    select: ImageSet
    classes: tuple[str, ...]
    fingerprint: str

    @property
    def task(self) -> Task:
        """Return what comes in, and how many answers there are."""
        return Task.of_images(self.train.shape, len(self.classes))


def make_splits(dataset: Dataset, config: DataConfig) -> Splits:
    """Return the splits that ``config`` asks for; the same for the same ``split_seed``.

    Raises:
        DataError: A split would lack a class.
    """
    rng = np.random.default_rng(config.split_seed)
    labels = dataset.train.labels
    order = stratified_order(labels, rng)
    if config.limit is not None:
        chosen = np.sort(order[: config.limit])
        order = chosen[stratified_order(labels[chosen], rng)]
    shares = (config.split.train, config.split.calibrate, config.split.select)
    counts = largest_remainder(len(order), shares)
    parts = [np.sort(part) for part in np.split(order, np.cumsum(counts)[:-1])]
    train, calibrate, select = (dataset.train.take(part) for part in parts)
    for name, images in zip(NAMES, (train, calibrate, select), strict=True):
        _check_every_class(dataset, name, images, min(shares))
    digest = hashlib.sha256(dataset.fingerprint.encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part.astype("<i8").tobytes())
    return Splits(train, calibrate, select, dataset.classes, digest.hexdigest())


def cut_test(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Return ``(train, test)``: a stratified share cut off where no official test split exists."""
    order = stratified_order(images.labels, np.random.default_rng(seed))
    count, _ = largest_remainder(len(order), (share, 1 - share))
    return images.take(np.sort(order[count:])), images.take(np.sort(order[:count]))


def stratified_order(labels: Labels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a random order of all images in which every stretch is stratified.

    The j-th of a class's m images goes to position (j + 1/2) / m of the order, so
    a stretch of share s holds s * m images of that class, but for one or two;
    exactly so many where all classes are of one size and the cut divides it.
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    # a quotient of integers: equal positions of different classes tie exactly, on every machine
    position = (2 * rank + 1) / (2 * np.repeat(counts, counts))
    return by_class[np.argsort(position, kind="stable")].astype(np.int64)


def largest_remainder(total: int, shares: tuple[float, ...]) -> tuple[int, ...]:
    """Return whole counts in proportion to ``shares`` that sum to ``total``; ties go to the first.

    >>> largest_remainder(4200, (0.6667, 0.16665, 0.16665))
    (2800, 700, 700)
    """
    # 1e-9 keeps 0.1 * 3 from losing to a rounding error of the shares
    quotas = [total * share / sum(shares) + 1e-9 for share in shares]
    counts = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(shares)), key=lambda i: counts[i] - quotas[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return tuple(counts)


def _check_every_class(dataset: Dataset, split: str, images: ImageSet, smallest_share: float) -> None:
    counts = images.class_counts(len(dataset.classes))
    if counts.all():
        return
    missing = int(np.flatnonzero(counts == 0)[0])
    available = int(dataset.train.class_counts(len(dataset.classes))[missing])
    raise DataError(
        f"{dataset.name}: split {split!r} has 0 of its {len(images)} images from class "
        f"{dataset.classes[missing]!r} ({available} training images). With these shares about "
        f"{math.ceil(1 / smallest_share)} images of each class are needed: add images, raise data.limit, "
        "or make data.split more even."
    )
