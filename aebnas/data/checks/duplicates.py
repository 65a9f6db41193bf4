"""Exact duplicates: the same pixels twice, within the splits, across them, under two classes.

An image that was trained on and scores a network as well flatters it; the same
picture under two classes can be right once only.  Every image is hashed once.

Must not import torch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from aebnas.config.schema import DataConfig
from aebnas.data.dataset import Dataset, Images
from aebnas.data.splits import NAMES, split_indices

TEST = "test"
_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Repeated:
    """How many images are duplicates in one sense, with an example."""

    images: int
    """Images; for ``two_classes`` pictures, each of which stands several times."""
    example: str = ""
    """Two of them: ``cat/1.png = dog/7.png``; empty where there are none."""


@dataclass(frozen=True)
class Duplicates:
    """What is the same among the images that a run uses; those that ``data.limit`` leaves out do not count.

    Args:
        training_images: Of train, calibrate and select together.
        test_images: Of test.
        pictures: Different pictures among all.
        in_training: Training images that repeat an earlier one.
        across: Images of calibrate or select that stand in train too, or in the other of the two.
        in_test: Test images that repeat an earlier one.
        test_in_training: Test images that are training images too.
        two_classes: Pictures that stand under more than one class.
    """

    training_images: int
    test_images: int
    pictures: int
    in_training: Repeated
    across: Repeated
    in_test: Repeated
    test_in_training: Repeated
    two_classes: Repeated

    @property
    def test_warning(self) -> str | None:
        """Return what makes a score on test too good; None: nothing does."""
        leaked = self.test_in_training
        if not leaked.images:
            return None
        all_or_some = (
            f"all {leaked.images:,}" if leaked.images == self.test_images
            else f"{leaked.images:,} of {self.test_images:,}"
        )  # fmt: skip
        are = "is" if leaked.images == 1 else "are"
        return (
            f"{all_or_some} test images {are} in the training data too ({leaked.example}): the "
            "accuracy on test is not that on unseen images. Remove them from test"
        )

    @property
    def warnings(self) -> list[str]:
        """Return one sentence per kind of duplicate that there is."""
        if self.pictures == 1:
            count = self.training_images + self.test_images
            return [f"all {count:,} images are the same picture ({self._any_example()}): nothing is to learn"]
        return list(self._sentences())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def _sentences(self) -> Iterator[str]:
        if self.test_warning:
            yield self.test_warning
        if self.two_classes.images:
            stand = "picture stands" if self.two_classes.images == 1 else "pictures stand"
            yield (
                f"{self.two_classes.images:,} {stand} under more than one class "
                f"({self.two_classes.example}): only one of the labels can be right"
            )
        if self.across.images:
            is_single = self.across.images == 1
            yield (
                f"{self.across.images:,} {'image' if is_single else 'images'} of calibrate or select "
                f"{'stands' if is_single else 'stand'} in another split too "
                f"({self.across.example}): what is fitted on one is scored on the other"
            )
        if self.in_training.images:
            yield _repeats(self.in_training, self.training_images, "training")
        if self.in_test.images:
            yield _repeats(self.in_test, self.test_images, TEST)

    def _any_example(self) -> str:
        examples = (self.two_classes, self.test_in_training, self.across, self.in_training, self.in_test)
        return next((repeated.example for repeated in examples if repeated.example), "")


def _repeats(repeated: Repeated, images: int, part: str) -> str:
    repeat = "repeats" if repeated.images == 1 else "repeat"
    return f"{repeated.images:,} of {images:,} {part} images {repeat} an earlier one ({repeated.example})"


def find_duplicates(dataset: Dataset, config: DataConfig) -> Duplicates:
    """Return what is the same among the images of a dataset, as ``config`` splits it."""
    parts = split_indices(dataset.train.labels, config, has_select=dataset.extras.select is not None)
    members = _Members(dataset, parts)
    groups = members.groups()
    counts: dict[str, Repeated] = {}
    for kind in ("in_training", "across", "in_test", "test_in_training", "two_classes"):
        counts[kind] = _count(kind, groups, members)
    return Duplicates(
        training_images=sum(map(len, parts))
        + (0 if dataset.extras.select is None else len(dataset.extras.select)),
        test_images=len(dataset.test),
        pictures=members.pictures,
        **counts,
    )


class _Members:
    """The images of all splits in one row: what they hash to, their split, label and name."""

    def __init__(self, dataset: Dataset, parts: Sequence[np.ndarray[Any, np.dtype[np.int64]]]) -> None:
        split = np.full(len(dataset.train), "", object)
        for name, part in zip(NAMES[: len(parts)], parts, strict=True):
            split[part] = name
        apart = {"select": dataset.extras.select, TEST: dataset.test}
        others = {name: images for name, images in apart.items() if images is not None}
        sets = [dataset.train, *others.values()]
        self.splits = [
            *split.tolist(),
            *(name for name, images in others.items() for _ in range(len(images))),
        ]
        self.labels = [label for images in sets for label in images.labels.tolist()]
        names = ("train", *others)
        self.names = [
            image_name
            for name, images in zip(names, sets, strict=True)
            for image_name in images.named(name).names
        ]
        self._digests = [digest for images in sets for digest in _digests(images.pixels)]
        self.pictures = 0

    def groups(self) -> list[list[int]]:
        """Return the images of every picture that stands more than once."""
        groups: dict[bytes, list[int]] = defaultdict(list)
        for index, digest in enumerate(self._digests):
            if self.splits[index]:
                groups[digest].append(index)
        self.pictures = len(groups)
        return [group for group in groups.values() if len(group) > 1]


def _digests(images: Images) -> Iterator[bytes]:
    for row in images.reshape(len(images), -1):
        yield blake2b(row.data, digest_size=_DIGEST_BYTES).digest()


def _count(kind: str, groups: Sequence[Sequence[int]], members: _Members) -> Repeated:
    total, example = 0, ""
    for group in groups:
        pairs = _pairs(kind, group, members)
        total += min(len(pairs), 1) if kind == "two_classes" else len(pairs)
        if pairs and not example:
            example = " = ".join(members.names[index] for index in pairs[0])
    return Repeated(total, example)


def _pairs(kind: str, group: Sequence[int], members: _Members) -> list[tuple[int, int]]:
    """Return the images of one picture that are duplicates in a sense, each with another that it equals."""
    test = [index for index in group if members.splits[index] == TEST]
    training = [index for index in group if members.splits[index] != TEST]
    if kind == "test_in_training":
        return [(index, training[0]) for index in test] if training else []
    if kind == "in_test":
        return [(index, test[0]) for index in test[1:]]
    if kind == "in_training":
        return [(index, training[0]) for index in training[1:]]
    if kind == "two_classes":
        first = group[0]
        return [(first, index) for index in group[1:] if members.labels[index] != members.labels[first]]
    first_of: dict[str, int] = {}
    for index in training:
        first_of.setdefault(members.splits[index], index)
    return [
        (index, next(other for split, other in first_of.items() if split != members.splits[index]))
        for index in training
        if members.splits[index] != NAMES[0] and len(first_of) > 1
    ]
