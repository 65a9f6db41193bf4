"""Sets of exits from stored logits: what exits say together is what they say alone, and costs nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from aebnas.errors import ShapeError
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.heads.sets import ExitAnswers, exit_set

RNG = np.random.default_rng(0)
LABELS = RNG.integers(4, size=200)


def logits(strength: float) -> NDArray[np.float32]:
    noise = RNG.standard_normal((200, 4))
    return (noise + strength * np.eye(4)[LABELS]).astype(np.float32)


EXITS = [ExitAnswers(logits(strength), logits(strength)) for strength in (1.0, 2.0, 4.0)]


def test_a_set_says_what_its_exits_say() -> None:
    stacked = exit_set(EXITS).select
    plain = ExitLogits(stacked.values)
    np.testing.assert_array_equal(stacked.predictions, plain.predictions)
    np.testing.assert_array_equal(stacked.scores("margin"), plain.scores("margin"))
    np.testing.assert_array_equal(stacked.probabilities(1), plain.probabilities(1))


def test_a_set_has_the_curve_of_its_logits() -> None:
    chosen = exit_set(EXITS)
    curves = []
    for wrap in (lambda one: one, lambda one: ExitLogits(one.values)):
        samples = [
            ExitSamples(wrap(one), LABELS, np.array([1.0, 2.0, 3.0]))
            for one in (chosen.calibrate, chosen.select)
        ]
        curves.append(operating_curve(TunedThresholds().path(samples[0], samples[0].correct), *samples))
    assert curves[0].to_dict() == curves[1].to_dict()


def test_what_is_derived_of_an_exit_is_computed_once_for_all_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    exits = [ExitAnswers(logits(1.0), logits(1.0)) for _ in range(3)]
    exit_set(exits).calibrate.scores("confidence")
    monkeypatch.setattr("aebnas.exits.core.exit_logits.softmax", lambda z: pytest.fail("computed again"))
    assert exit_set(exits[1:]).calibrate.scores("confidence").shape == (200, 2)


def test_exits_of_other_images_are_refused() -> None:
    with pytest.raises(ShapeError, match="must have logits of one shape"):
        exit_set([EXITS[0], ExitAnswers(logits(1.0)[:100], logits(1.0)[:100])])


def test_a_set_without_exits_is_refused() -> None:
    with pytest.raises(ShapeError, match="must have logits of one shape"):
        exit_set([])


def test_logits_of_several_exits_are_not_those_of_one() -> None:
    with pytest.raises(ShapeError, match=r"must have shape \(n, classes\)"):
        ExitAnswers(logits(1.0)[:, None], logits(1.0))
