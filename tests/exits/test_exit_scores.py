import math
from collections.abc import Callable

import numpy as np
import pytest

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.core.scores import SCORES, exit_scores, predictions
from aebnas.testing import ScoreContract

PROBABILITIES = np.array([0.7, 0.2, 0.1])
LOGITS = np.log(PROBABILITIES).reshape(1, 1, 3)


def test_confidence_is_the_largest_probability() -> None:
    assert exit_scores("confidence", LOGITS)[0, 0] == pytest.approx(0.7)


def test_entropy_is_one_minus_the_share_of_the_largest_entropy() -> None:
    share = -sum(p * math.log(p) for p in PROBABILITIES) / math.log(3)
    assert exit_scores("entropy", LOGITS)[0, 0] == pytest.approx(1 - share)


def test_margin_is_the_lead_of_the_first_over_the_second() -> None:
    assert exit_scores("margin", LOGITS)[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("name", SCORES)
def test_a_sharper_distribution_scores_higher(name: str) -> None:
    scores = exit_scores(name, np.concatenate([0.0 * LOGITS, LOGITS, 2 * LOGITS], axis=1))
    assert scores.dtype == np.float32
    assert scores[0, 0] < scores[0, 1] < scores[0, 2]


@pytest.mark.parametrize("name", SCORES)
def test_huge_logits_neither_overflow_nor_lose_their_order(name: str) -> None:
    scores = exit_scores(name, np.array([[[1e30, -1e30, 0.0], [1e4, 1e4, -1e4]]]))
    assert np.isfinite(scores).all()
    assert scores[0, 0] == 1.0
    assert scores[0, 1] < 1.0


@pytest.mark.parametrize("name", SCORES)
def test_float16_logits_are_scored_in_float64(name: str) -> None:
    logits = np.array([[[10.0, 1.5, -3.0]]], dtype=np.float16)
    assert exit_scores(name, logits) == exit_scores(name, logits.astype(np.float64))


def test_the_first_of_equal_classes_is_predicted() -> None:
    assert predictions(np.array([[[0.0, 2.0, 2.0], [5.0, 1.0, 2.0]]])).tolist() == [[1, 0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_refused_with_its_place(value: float) -> None:
    logits = np.zeros((3, 2, 4))
    logits[2, 1, 3] = value
    with pytest.raises(DataError, match="sample 2 at exit 1"):
        exit_scores("confidence", logits)


@pytest.mark.parametrize("shape", [(3, 2, 1), (3, 4), (3, 0, 4)])
def test_logits_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="two classes"):
        exit_scores("confidence", np.zeros(shape))


def test_an_unknown_score_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(DataError, match=r"Did you mean 'margin'\? Choices: confidence, entropy, margin"):
        exit_scores("margn", LOGITS)


class TestConfidence(ScoreContract):
    def score(self) -> Callable[[FloatArray], FloatArray]:
        return SCORES["confidence"]


class TestEntropy(ScoreContract):
    def score(self) -> Callable[[FloatArray], FloatArray]:
        return SCORES["entropy"]


class TestMargin(ScoreContract):
    def score(self) -> Callable[[FloatArray], FloatArray]:
        return SCORES["margin"]
