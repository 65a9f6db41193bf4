"""The given network scored as it is: sound, with its classes in another order, or wrongly fed."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aebnas.errors import DataError, ShapeError
from aebnas.heads.baseline import BaselineStatus, baseline_check, expected_by_chance
from aebnas.heads.preparations import PREPARATIONS, better_preparation, preparation_advice, tried_preparations

NAMES = tuple("abcdefgh")
LABELS = np.random.default_rng(1).integers(8, size=800)


def answers(strength: float, seed: int = 0) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).standard_normal((len(LABELS), 8))
    logits: NDArray[np.float64] = noise + strength * np.eye(8)[LABELS]
    return logits


def test_a_network_that_is_right_is_sound() -> None:
    check = baseline_check(answers(4.0), LABELS, NAMES)
    assert check.status is BaselineStatus.SOUND
    assert check.message() == f"the network as it is answers {check.accuracy:.1%} of 800 images rightly."


def test_a_weak_network_is_sound_too() -> None:
    check = baseline_check(answers(0.5), LABELS, NAMES)
    assert check.accuracy < 0.3
    assert check.status is BaselineStatus.SOUND


def test_classes_in_another_order_are_found_and_named() -> None:
    order = np.array([3, 0, 1, 2, 4, 6, 5, 7])
    check = baseline_check(answers(4.0)[:, order], LABELS, NAMES)
    assert check.status is BaselineStatus.OTHER_ORDER
    assert check.order == tuple(order)
    assert check.order_accuracy > 0.9
    assert 'space.classes: ["d", "a", "b", "c", "e", "g", "f", "h"]' in check.message()


def test_two_exchanged_classes_of_a_network_that_is_else_right_are_found() -> None:
    check = baseline_check(answers(4.0)[:, [0, 2, 1, 3, 4, 5, 6, 7]], LABELS, NAMES)
    assert check.accuracy > 0.7
    assert check.status is BaselineStatus.OTHER_ORDER
    assert check.order == (0, 2, 1, 3, 4, 5, 6, 7)


@pytest.mark.parametrize("seed", range(20))
def test_answers_that_have_nothing_to_do_with_the_images_are_chance(seed: int) -> None:
    check = baseline_check(answers(0.0, seed), LABELS, NAMES)
    assert check.status is BaselineStatus.CHANCE
    assert "normalisation, red and blue exchanged" in check.message()


def test_one_answer_to_everything_is_chance_however_common_its_class() -> None:
    labels = np.where(np.arange(400) % 10, 0, 1)
    check = baseline_check(np.tile([1.0, 0.0], (400, 1)), labels, ("many", "few"))
    assert check.accuracy == 0.9
    assert check.status is BaselineStatus.CHANCE


def test_chance_is_of_answers_given_as_often() -> None:
    assert expected_by_chance(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2) == 0.5


def test_another_number_of_classes_is_refused_with_the_cure() -> None:
    with pytest.raises(DataError, match=r"has 8 answers, but the data 2 classes.*give it a new head"):
        baseline_check(answers(1.0), LABELS, ("a", "b"))


def test_logits_of_other_images_are_refused() -> None:
    with pytest.raises(ShapeError, match="must be of the same 2 images or more"):
        baseline_check(answers(1.0)[:10], LABELS, NAMES)


def coloured() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Reddish, greenish and bluish images, bright and dark."""
    rng = np.random.default_rng(2)
    labels = rng.integers(6, size=300)
    base = np.where(labels < 3, 60, 150)[:, None] + 60 * np.eye(3)[labels % 3]
    pixels = base[:, None, None] + 8 * rng.standard_normal((300, 4, 4, 3))
    return pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


@pytest.mark.parametrize(
    "right", [PREPARATIONS[0], PREPARATIONS[4], PREPARATIONS[7]], ids=lambda one: one.name
)
def test_the_preparation_that_a_network_was_made_for_is_found(right: object) -> None:
    images, labels = coloured()
    assert callable(right)
    centres = torch.stack([right(torch.from_numpy(images[labels == k])).mean((0, 2, 3)) for k in range(6)])

    def nearest(x: torch.Tensor) -> torch.Tensor:
        return -torch.cdist(x.mean((2, 3)), centres)

    tried = tried_preparations(nearest, images, labels)
    best = better_preparation(tried, accuracy=0.3)
    assert best is not None
    assert best.accuracy > 0.95
    assert preparation_advice(tried, 0.3).startswith(f"With {best.preparation.name} as its input it answers")
    assert next(one.accuracy for one in tried if one.preparation is right) == best.accuracy


def test_where_no_preparation_helps_none_is_named() -> None:
    images, labels = coloured()
    generator = torch.Generator().manual_seed(0)
    tried = tried_preparations(lambda x: torch.rand(len(x), 6, generator=generator), images, labels)
    assert better_preparation(tried, accuracy=0.0) is None
    assert preparation_advice(tried, 0.0) == "None of 14 common preparations of its input is better."


def test_grey_images_are_not_tried_in_other_orders_of_colours() -> None:
    images, labels = coloured()
    tried = tried_preparations(lambda x: torch.rand(len(x), 6), images[..., :1], labels)
    assert not any(one.preparation.is_bgr for one in tried)


def test_a_preparation_that_is_as_good_as_the_one_in_use_is_not_named() -> None:
    images, labels = coloured()
    brightest = lambda x: torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], dim=1)  # noqa: E731
    tried = tried_preparations(brightest, images, (labels < 3).astype(np.int64))
    assert better_preparation(tried, accuracy=tried[0].accuracy) is None
