"""Ways in which networks are given pixels, tried one after the other on a network whose answers are poor.

A wrong one seldom means chance: a CIFAR-10 network with 93% still has 53% with pixels from 0 to 1, and 84%
with red and blue exchanged.  So the question is whether another one is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor

from aebnas.heads.baseline import SIGNIFICANCE, expected_by_chance

MOST_IMAGES = 256
"""Images that each way is tried on."""


@dataclass(frozen=True)
class Preparation:
    """``(pixel / unit - mean) / std`` for each channel, in one order of the colours."""

    name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    unit: float = 255.0
    is_bgr: bool = False

    def __call__(self, images: Tensor) -> Tensor:
        """Return the input ``(batch, c, h, w)`` of uint8 images ``(batch, h, w, c)``, c 1 or 3."""
        pixels = images.permute(0, 3, 1, 2).float() / self.unit
        pixels = pixels.flip(1) if self.is_bgr else pixels
        mean, std = (pixels.new_tensor(values) for values in (self.mean, self.std))
        if pixels.shape[1] == 1:
            mean, std = mean.mean(0, keepdim=True), std.mean(0, keepdim=True)
        return (pixels - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)


_PLAIN = (
    Preparation("ImageNet mean and deviation", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    Preparation("pixels from 0 to 1", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    Preparation("pixels from -1 to 1", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    Preparation("(pixel - 127) / 128", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0), unit=1.0),
    Preparation("pixels from 0 to 255", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), unit=1.0),
    Preparation("pixels less ImageNet's mean", (123.68, 116.779, 103.939), (1.0, 1.0, 1.0), unit=1.0),
    Preparation("CIFAR-10 mean and deviation", (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
)


def _exchanged(plain: Preparation) -> Preparation:
    name = f"{plain.name}, blue before red"
    return Preparation(name, plain.mean[::-1], plain.std[::-1], plain.unit, is_bgr=True)


PREPARATIONS: tuple[Preparation, ...] = (*_PLAIN, *(_exchanged(plain) for plain in _PLAIN))
"""What is tried, the most common first."""


@dataclass(frozen=True)
class Tried:
    """How a network answers with one preparation."""

    preparation: Preparation
    right: int
    images: int
    chance: float
    """Accuracy of answers given as often, but to any image."""

    @property
    def accuracy(self) -> float:
        """Return the share of right answers."""
        return self.right / self.images

    def is_above(self, accuracy: float) -> bool:
        """Return whether it is more accurate than that, and than chance, by more than luck."""
        level = min(1.0, max(accuracy, self.chance))
        return bool(binomtest(self.right, self.images, level, alternative="greater").pvalue < SIGNIFICANCE)


def tried_preparations(
    answer: Callable[[Tensor], Tensor], images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> list[Tried]:
    """Return every common preparation with the network's accuracy, the best first.

    Args:
        answer: The network: from its input ``(batch, c, h, w)`` to logits ``(batch, classes)``.
        images: At the network's size, ``(n, h, w, c)``; the first ``MOST_IMAGES`` are used, so in any order
            but that of classes.
        labels: In the order of the network's answers, ``(n,)``.
    """
    images, labels = images[:MOST_IMAGES], labels[:MOST_IMAGES]
    channels = images.shape[3]
    kinds = [preparation for preparation in PREPARATIONS if channels == 3 or not preparation.is_bgr]
    outcomes = [_tried(preparation, answer, images, labels) for preparation in kinds]
    return sorted(outcomes, key=lambda outcome: -outcome.accuracy)


def better_preparation(tried: Sequence[Tried], accuracy: float) -> Tried | None:
    """Return the best preparation, where it is better than chance and than the one in use, beyond luck.

    Args:
        tried: Of ``tried_preparations``.
        accuracy: Of the network with the preparation in use.
    """
    return tried[0] if tried[0].is_above(accuracy) else None


def preparation_advice(tried: Sequence[Tried], accuracy: float) -> str:
    """Return the preparation that the network was made for, or that none is better, as a sentence."""
    best = better_preparation(tried, accuracy)
    if best is None:
        return f"None of {len(tried)} common preparations of its input is better."
    pairs = zip(best.preparation.mean, best.preparation.std, strict=True)
    channels = ", ".join(f"{mean:g} / {std:g}" for mean, std in pairs)
    return (
        f"With {best.preparation.name} as its input it answers {best.accuracy:.1%} rightly, "
        f"not {accuracy:.1%}: use pixels / {best.preparation.unit:g}, mean / deviation of each channel "
        f"{channels}"
        f"{', channels blue, green, red' if best.preparation.is_bgr else ''}."
    )


def _tried(
    preparation: Preparation,
    answer: Callable[[Tensor], Tensor],
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> Tried:
    with torch.inference_mode():
        logits = [answer(preparation(batch)).cpu() for batch in torch.from_numpy(images).split(64)]
    answers = torch.cat(logits).argmax(1).numpy()
    right, classes = int((answers == labels).sum()), int(logits[0].shape[1])
    return Tried(preparation, right, len(labels), expected_by_chance(answers, labels, classes))
