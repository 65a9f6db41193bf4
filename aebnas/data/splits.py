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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aebnas.config.schema import DataConfig, SixteenBitDepth
from aebnas.data.checks.memory import memory_errors
from aebnas.data.dataset import Dataset, Labels, Samples
from aebnas.data.statistics import pixel_normalisation
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
        depth: Bits that 16-bit files were read with; None: there are none.
    """

    train: Samples
    calibrate: Samples
    select: Samples
    classes: tuple[str, ...]
    fingerprint: str
    depth: SixteenBitDepth | None = None

    @cached_property
    def task(self) -> Task:
        """Return what comes in, and how many answers there are; reads all pixels of train once."""
        return Task.of_samples(self.train.shape, self.classes, pixel_normalisation(self.train))


def make_splits(dataset: Dataset, config: DataConfig) -> Splits:
    """Return the splits that ``config`` asks for; the same for the same ``split_seed``.

    Raises:
        DataError: A split would lack a class.
    """
    given = dataset.extras.select
    parts = split_indices(dataset.train.labels, config, has_select=given is not None)
    check_every_class(dataset.name, dataset.classes, dataset.train.labels, parts, config)
    with memory_errors(f"{dataset.name}: splitting the images"):
        train, calibrate, *rest = (dataset.train.unnamed().take(part) for part in parts)
    select = rest[0] if given is None else given.unnamed()
    digest = hashlib.sha256(dataset.fingerprint.encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part.astype("<i8").tobytes())
    return Splits(train, calibrate, select, dataset.classes, digest.hexdigest(), dataset.extras.depth)


def split_indices(
    labels: Labels, config: DataConfig, has_select: bool = False
) -> tuple[NDArray[np.int64], ...]:
    """Return which training images train, calibrate and select, by rising index.

    How many of each class each split gets follows from the number of images of each class alone.

    Args:
        labels: Of all training images.
        config: Shares, seed and limit.
        has_select: Images of their own select: then only train and calibrate are returned.
    """
    rng = np.random.default_rng(config.split_seed)
    order = stratified_order(labels, rng)
    if config.limit is not None:
        chosen = np.sort(order[: config.limit])
        order = chosen[stratified_order(labels[chosen], rng)]
    counts = largest_remainder(len(order), _shares(config)[: 2 if has_select else 3])
    return tuple(np.sort(part) for part in np.split(order, np.cumsum(counts)[:-1]))


def cut_test(images: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Return ``(train, test)``: a stratified share cut off where no official test split exists."""
    train, test = cut_indices(images.labels, share, seed)
    return images.take(train), images.take(test)


def cut_indices(labels: Labels, share: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which images stay in the training data, and which are cut off as test, by rising index."""
    order = stratified_order(labels, np.random.default_rng(seed))
    count, _ = largest_remainder(len(order), (share, 1 - share))
    return np.sort(order[count:]), np.sort(order[:count])


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


def check_every_class(
    name: str,
    classes: Sequence[str],
    labels: Labels,
    parts: Sequence[NDArray[np.int64]],
    config: DataConfig,
) -> None:
    """Refuse splits of which one lacks a class.

    Args:
        name: Of the dataset.
        classes: Names of its classes.
        labels: Of all training images.
        parts: As ``split_indices`` returns them.
        config: The shares.

    Raises:
        DataError: A split lacks a class.
    """
    available = np.bincount(labels, minlength=len(classes))
    shares = _shares(config)[: len(parts)]
    for split, part in zip(NAMES[: len(parts)], parts, strict=True):
        counts = np.bincount(labels[part], minlength=len(classes))
        if counts.all():
            continue
        missing = int(np.flatnonzero(counts == 0)[0])
        raise DataError(
            f"{name}: split {split!r} has 0 of its {len(part)} images from class {classes[missing]!r} "
            f"({available[missing]} training images). With these shares about "
            f"{math.ceil(sum(shares) / min(shares))} images of each class are needed: add images, raise "
            "data.limit, or make data.split more even."
        )


def _shares(config: DataConfig) -> tuple[float, float, float]:
    return config.split.train, config.split.calibrate, config.split.select
