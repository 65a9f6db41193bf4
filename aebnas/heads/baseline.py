"""The given network scored as it is, and what is wrong where it answers by chance.

A network whose classes stand in another order than the folders, or whose input is normalised otherwise, gives
nonsense without any error.  Which of the two it is can be seen: in another order its answers still depend on
the classes, so that a permutation of them is right; with wrong input no permutation is.

Must not import torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from aebnas.errors import DataError, ShapeError

SIGNIFICANCE = 1e-3
"""Probability below which a result is no chance."""
FAR_BETTER = 1.5
"""How many times as often a permutation must be right as the order that is given."""


class BaselineStatus(Enum):
    """What the network's accuracy says."""

    SOUND = "sound"
    OTHER_ORDER = "other order of classes"
    CHANCE = "chance"


@dataclass(frozen=True)
class BaselineCheck:
    """How a network that somebody brought answers images that it shall be judged on."""

    accuracy: float
    images: int
    chance: float
    """Accuracy of answers that are given as often, but to any image."""
    status: BaselineStatus
    class_names: tuple[str, ...]
    order: tuple[int, ...]
    """Class of each of the network's answers in the order that fits best."""
    order_accuracy: float
    """In that order, found on other images than it is scored on."""

    def message(self) -> str:
        """Return what is wrong, where, and the cure; for a sound network its accuracy."""
        scored = f"the network as it is answers {self.accuracy:.1%} of {self.images} images rightly"
        if self.status is BaselineStatus.SOUND:
            return f"{scored}."
        if self.status is BaselineStatus.OTHER_ORDER:
            order = ", ".join(json.dumps(self.class_names[k], ensure_ascii=False) for k in self.order)
            return (
                f"{scored}, but {self.order_accuracy:.1%} if its classes stand in another order than those "
                f"of the data ({', '.join(self.class_names)}). Tell the order of its classes: "
                f"space.classes: [{order}]"
            )
        return (
            f"{scored}, which is chance ({self.chance:.1%}), and in no other order of its classes better: "
            "its input is prepared otherwise than in its training (normalisation, red and blue exchanged), "
            "or it was trained for something else."
        )


def baseline_check(
    logits: NDArray[np.floating], labels: NDArray[np.int64], class_names: Sequence[str]
) -> BaselineCheck:
    """Return how a network with a kept head does, on calibrate and select together.

    Args:
        logits: Its own answers, ``(n, classes)``, n >= 2.
        labels: The right classes, ``(n,)``.
        class_names: In the order of the labels.

    Raises:
        DataError: It answers another number of classes.
        ShapeError: The arrays do not fit together.
    """
    classes = len(class_names)
    if logits.ndim != 2 or len(logits) != len(labels) or len(labels) < 2:
        raise ShapeError(
            f"logits {logits.shape} and labels {labels.shape} must be of the same 2 images or more"
        )
    if logits.shape[1] != classes:
        raise DataError(
            f"the network has {logits.shape[1]} answers, but the data {classes} classes "
            f"({', '.join(class_names)}): give it a new head, or the data of its own classes"
        )
    answers = logits.argmax(1)
    right = int((answers == labels).sum())
    chance = expected_by_chance(answers, labels, classes)
    order, order_right = _best_order(answers, labels, classes)
    is_chance = not _is_more(right, len(labels), chance)
    is_better = order_right > FAR_BETTER * right and _is_more(order_right, len(labels), chance)
    is_swapped = not is_chance and _swaps_pay(order, right, order_right, len(labels))
    status = BaselineStatus.OTHER_ORDER if is_better or is_swapped else BaselineStatus.SOUND
    if is_chance and not is_better:
        status = BaselineStatus.CHANCE
    return BaselineCheck(
        right / len(labels),
        len(labels),
        chance,
        status,
        tuple(class_names),
        order,
        order_right / len(labels),
    )


def expected_by_chance(answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> float:
    """Return the accuracy of answers that have nothing to do with the images, as in Cohen's kappa."""
    given, true = (np.bincount(values, minlength=classes) / len(labels) for values in (answers, labels))
    return float(given @ true)


def _is_more(right: int, count: int, chance: float) -> bool:
    return bool(binomtest(right, count, min(1.0, chance), alternative="greater").pvalue < SIGNIFICANCE)


def _swaps_pay(order: tuple[int, ...], right: int, order_right: int, count: int) -> bool:
    """Return whether some classes of a network that is otherwise right stand in each other's place."""
    return order != tuple(range(len(order))) and _is_more(order_right, count, right / count)


def _best_order(
    answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> tuple[tuple[int, ...], int]:
    """Return the class of each answer that fits best, and how many answers are right in such orders.

    Each half of the images is scored in the order that fits the other half: an order that fits the images
    that it was found on is no news.
    """
    halves = _halves(labels)
    right = 0
    for fitted, scored in (halves, halves[::-1]):
        order = np.array(_fitting(answers[fitted], labels[fitted], classes))
        right += int((order[answers[scored]] == labels[scored]).sum())
    return _fitting(answers, labels, classes), right


def _halves(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two halves of the images with as many of each class, as far as that goes."""
    by_class = np.argsort(labels, kind="stable")
    return by_class[::2], by_class[1::2]


def _fitting(answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> tuple[int, ...]:
    """Return the permutation with most right answers; of equally good ones the one that changes least."""
    confusion = np.zeros((classes, classes))
    np.add.at(confusion, (answers, labels), 1.0)
    np.fill_diagonal(confusion, confusion.diagonal() + 0.5 / classes)
    return tuple(linear_sum_assignment(confusion, maximize=True)[1].tolist())
