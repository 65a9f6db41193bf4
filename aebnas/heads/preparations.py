"""Ways in which networks are given pixels, tried one after the other on a network that answers by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from torch import Tensor

from aebnas.heads.baseline import SURE, expected_by_chance

MOST_IMAGES = 512
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
    accuracy: float
    is_chance: bool


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
    kinds = [one for one in PREPARATIONS if channels == 3 or not one.is_bgr]
    outcomes = [_tried(preparation, answer, images, labels) for preparation in kinds]
    return sorted(outcomes, key=lambda outcome: -outcome.accuracy)


def working_preparation(tried: list[Tried]) -> Tried | None:
    """Return the best preparation, if the network does not answer by chance with it."""
    return None if tried[0].is_chance else tried[0]


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
    chance = expected_by_chance(answers, labels, classes)
    pvalue = binomtest(right, len(labels), min(1.0, chance), alternative="greater").pvalue
    return Tried(preparation, right / len(labels), bool(pvalue >= SURE))
