import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.outcome import outcome_at, outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.pcee import Pcee
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.risk_control import conformal_risk_control, learn_then_test, samples_needed
from aebnas.exits.targets import Accuracy, Budget, Guarantee, Target
from aebnas.exits.thresholds.tuners import ExactTuner
from aebnas.testing.policies import random_logits, random_samples, with_costs


def harms(*counts: int, samples: int = 500) -> np.ndarray:
    return np.array([np.arange(samples) < count for count in counts])


def test_the_setting_before_the_first_that_is_not_cleared_is_kept() -> None:
    # 500 samples, 1% harm, 90%: one harmed sample is cleared, P(Bin <= 1) = 0.04; two are not, 0.12
    assert learn_then_test(harms(0, 0, 1, 2, 1, 0), 0.01, 0.9) == 2
    assert learn_then_test(harms(0, 1, 1), 0.01, 0.9) == 2
    assert learn_then_test(harms(2, 0, 0), 0.01, 0.9) is None


@given(samples=st.integers(1, 400), max_harm=st.floats(0.01, 0.5), confidence=st.floats(0.5, 0.99))
def test_a_cleared_setting_has_a_p_value_of_at_most_the_risk(
    samples: int, max_harm: float, confidence: float
) -> None:
    counts = list(range(0, min(samples, 30) + 1))
    kept = learn_then_test(harms(*counts, samples=samples), max_harm, confidence)
    if kept is not None:
        assert binom.cdf(counts[kept], samples, max_harm) <= 1 - confidence
        if kept + 1 < len(counts):
            assert binom.cdf(counts[kept + 1], samples, max_harm) > 1 - confidence


def test_a_promise_is_broken_no_more_often_than_said() -> None:
    # settings of harm 0.2%, 0.4% ... 4%, nested; the true harm of the kept one is known
    truth = np.linspace(0.002, 0.04, 20)
    broken = 0
    for seed in range(400):
        draw = np.random.default_rng(seed).random(300)
        kept = learn_then_test(draw < truth[:, np.newaxis], 0.02, 0.9)
        broken += kept is not None and truth[kept] > 0.02
    assert broken / 400 <= 0.1


def test_conformal_control_bounds_the_mean_of_the_worst_so_far() -> None:
    nested = harms(0, 3, 4, 9, samples=99)
    assert conformal_risk_control(nested, 0.05) == 2
    disjoint = np.zeros((3, 99), dtype=np.bool_)
    disjoint[1, :4] = True
    disjoint[2, 4:8] = True  # alone within the bound, with those harmed before not
    assert conformal_risk_control(disjoint, 0.05) == 1
    assert conformal_risk_control(harms(9, samples=99), 0.05) is None


def test_the_samples_needed_are_those_at_which_no_harm_is_cleared() -> None:
    for max_harm, confidence in ((0.01, 0.9), (0.05, 0.95)):
        needed = samples_needed(max_harm, confidence)
        assert learn_then_test(harms(0, samples=needed), max_harm, confidence) == 0
        assert learn_then_test(harms(0, samples=needed - 1), max_harm, confidence) is None
    assert conformal_risk_control(harms(0, samples=samples_needed(0.01, None)), 0.01) == 0
    assert conformal_risk_control(harms(0, samples=samples_needed(0.01, None) - 1), 0.01) is None


def test_too_few_samples_keep_the_promise_with_the_last_exit_and_say_so() -> None:
    samples = random_samples(0, samples=100, exits=3, classes=3)
    result = Guarantee(0.01).fit(TunedThresholds(), samples)
    assert result.policy.decide(samples.logits).tolist() == [2] * 100
    assert "50 samples test the promise, and at least 230 are needed" in result.target_check.notes[0]


@pytest.mark.parametrize("confidence", [0.9, None])
def test_a_guarantee_holds_on_unseen_samples_and_saves_cost(confidence: float | None) -> None:
    result = Guarantee(0.05, confidence).fit(Pcee(), random_samples(0, samples=2000, exits=4, classes=4))
    unseen = outcome_of(result.policy, random_samples(1, samples=20_000, exits=4, classes=4))
    assert unseen.harm <= 0.05
    assert unseen.cost < 3.9


def test_more_harm_allowed_costs_less() -> None:
    samples = random_samples(0, samples=2000, exits=4, classes=4)
    family = TunedThresholds(tuner=ExactTuner(5000))
    costs = [Guarantee(harm).fit(family, samples).target_check.cost for harm in (0.01, 0.1)]
    assert costs[1] < costs[0]


def test_harm_is_wrong_early_where_the_last_exit_is_right() -> None:
    right = np.array([[True, True], [False, True], [True, False], [False, False]])
    logits = np.where(right[:, :, np.newaxis], [1.0, 0.0], [0.0, 1.0])
    samples = with_costs(logits, np.zeros(4, np.int64))
    assert outcome_at(np.zeros(4, np.int64), samples).harm == 0.25
    assert outcome_at(np.ones(4, np.int64), samples).harm == 0.0


@pytest.mark.parametrize(
    "target",
    [
        lambda: Budget(math.nan),
        lambda: Accuracy(1.2),
        lambda: Guarantee(0.0),
        lambda: Guarantee(0.1, 1.0),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(target: "type[Target]") -> None:
    with pytest.raises(DataError):
        target()


def test_a_target_check_says_what_can_be_reached_instead() -> None:
    logits, labels = random_logits(0, samples=400, exits=3, classes=3)
    target_check = (
        Accuracy(0.99).fit(TunedThresholds(), with_costs(0.2 * logits, np.roll(labels, 40))).target_check
    )
    assert target_check.best is not None
    assert f"What can be reached: an accuracy of {target_check.best:.2%}" in target_check.text()
    assert f"missed by {100 * target_check.shortfall:.2f} points" in target_check.text()
    assert json.loads(json.dumps(target_check.to_dict(), allow_nan=False))["best"] == target_check.best


def test_samples_are_split_in_disjoint_parts() -> None:
    samples = random_samples(0, samples=101, exits=2, classes=3)
    left, right = samples.split(0.3, seed=0)
    assert (len(left), len(right)) == (30, 71)
    rows = np.concatenate([left.logits.values, right.logits.values]).reshape(101, -1)
    assert len(np.unique(rows, axis=0)) == 101
    with pytest.raises(ShapeError, match="empty"):
        samples.split(0.001, seed=0)


def test_samples_that_do_not_fit_together_are_refused() -> None:
    logits, labels = random_logits(0, samples=5, exits=3, classes=3)
    with pytest.raises(ShapeError, match="Labels"):
        ExitSamples.of(logits, labels[:4], [1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="3 exits, the reach cost 2"):
        ExitSamples.of(logits, labels, [1.0, 2.0])
    with pytest.raises(DataError, match=r"0\.\.2"):
        ExitSamples.of(logits, labels + 1, [1.0, 2.0, 3.0])
    with pytest.raises(ShapeError, match="at least one sample"):
        ExitSamples.of(logits[:0], labels[:0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("target", [Accuracy(1.0), Budget(0.5)])
def test_a_target_that_is_missed_is_never_called_reached(target: Accuracy | Budget) -> None:
    samples = random_samples(0, 200, 3, 4)
    policy = target.fit(TunedThresholds("confidence"), samples).policy
    words = target.check(policy, samples).text()  # without its path, nobody knows what can be reached
    assert "missed by" in words
    assert "reached" not in words
