import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, ScoreArray
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.switch_policy import SwitchPolicy, switched_on, switches_where
from aebnas.exits.core.threshold_policy import never_leave
from aebnas.exits.policies.drift import drifted_bins
from aebnas.exits.policies.pcee import Pcee
from aebnas.exits.policies.score_steps import (
    ScoreSteps,
    equal_mass_steps,
    nearest_steps,
    smallest_useful_bin,
)
from aebnas.exits.targets import Accuracy
from aebnas.testing.policies import random_logits, random_samples, with_costs


def tied_scores(seed: int, samples: int, distinct: int) -> tuple[ScoreArray, BoolArray]:
    random = np.random.default_rng(seed)
    levels = np.sort(random.random(distinct))
    scores = levels[random.integers(distinct, size=samples)].astype(np.float32)
    return scores, random.random(samples) < scores


tied = st.builds(tied_scores, st.integers(0, 9999), st.integers(1, 60), st.integers(1, 30))


def leaves(steps: ScoreSteps, scores: ScoreArray, delta: float) -> list[bool]:
    answer: list[bool] = switched_on(switches_where(steps.edges, steps.rate >= delta), scores).tolist()
    return answer


@given(case=tied, delta=st.floats(0.05, 0.95), bins=st.integers(1, 20))
def test_scores_to_the_fifth_power_leave_every_decision_unchanged(
    case: tuple[ScoreArray, BoolArray], delta: float, bins: int
) -> None:
    scores, good = case
    unseen = np.random.default_rng(0).choice(scores, 40)
    for steps in (equal_mass_steps, nearest_steps):
        plain = leaves(steps(scores, good, bins), unseen, delta)
        assert leaves(steps(scores**5, good, bins), unseen**5, delta) == plain


@given(case=tied, bins=st.integers(1, 20), smallest=st.integers(1, 70))
def test_bins_hold_every_sample_once_and_equal_scores_together(
    case: tuple[ScoreArray, BoolArray], bins: int, smallest: int
) -> None:
    scores, good = case
    steps = equal_mass_steps(scores, good, bins, smallest)
    assert steps.count.sum() == len(scores)
    assert steps.good.sum() == good.sum()
    assert len(steps.count) <= bins
    assert steps.count.min() >= min(smallest, len(scores))
    cell = np.searchsorted(steps.edges, scores.astype(np.float64), side="right") - 1
    assert np.bincount(cell, minlength=len(steps.count)).tolist() == steps.count.tolist()
    assert set(steps.edges.tolist()) <= set(scores.astype(np.float64).tolist())


def test_distinct_scores_fill_bins_of_equal_mass() -> None:
    scores = np.random.default_rng(0).random(1003).astype(np.float32)
    counts = equal_mass_steps(scores, scores > 0.5, 20).count
    assert len(counts) == 20
    assert np.ptp(counts) <= 1


@given(case=tied, neighbours=st.integers(1, 40))
def test_a_smoothed_rate_does_not_depend_on_the_order_of_equal_scores(
    case: tuple[ScoreArray, BoolArray], neighbours: int
) -> None:
    scores, good = case
    order = np.random.default_rng(1).permutation(len(scores))
    one, other = (nearest_steps(s, g, neighbours) for s, g in ((scores, good), (scores[order], good[order])))
    assert one.good.tolist() == other.good.tolist()
    assert one.count.min() >= min(neighbours, len(scores))


def test_a_smoothed_rate_averages_half_the_neighbours_on_either_side() -> None:
    scores = np.arange(10, dtype=np.float32)
    good = np.array([0, 0, 0, 0, 1, 1, 1, 0, 0, 0], dtype=np.bool_)
    steps = nearest_steps(scores, good, 3)
    assert steps.good.tolist() == [0, 0, 0, 1, 2, 3, 2, 1, 0, 0]
    assert steps.count.tolist() == [3] * 10


def test_a_perfect_bin_of_fifty_has_a_bound_of_942() -> None:
    steps = ScoreSteps(np.zeros(1), np.array([50]), np.array([50]))
    assert steps.estimate(0.95)[0] == pytest.approx(0.9418, abs=1e-4)
    assert smallest_useful_bin(0.942, 0.95) == 51
    assert smallest_useful_bin(0.9417, 0.95) == 50


@pytest.mark.parametrize(("count", "good"), [(1, 0), (7, 3), (60, 59), (400, 1)])
def test_the_lower_bound_is_where_so_many_successes_become_too_rare(count: int, good: int) -> None:
    bound = ScoreSteps(np.zeros(1), np.array([count]), np.array([good])).estimate(0.9)[0]
    if good == 0:
        assert bound == 0
    else:
        assert binom.sf(good - 1, count, bound) == pytest.approx(0.1)


def test_bins_merge_until_the_bound_can_reach_delta() -> None:
    scores = np.linspace(0, 1, 1000, dtype=np.float32)
    steps = Pcee(lower_bound=0.95).steps(scores, scores > 0.3, delta=0.99)
    assert steps.count.min() >= smallest_useful_bin(0.99, 0.95) == 299
    assert steps.estimate(0.95).max() >= 0.99


def test_the_lower_bound_lets_fewer_leave() -> None:
    samples = random_samples(0, samples=400, exits=3, classes=3)
    plain, bounded = (Pcee(lower_bound=c).at(samples, samples.correct, 0.8) for c in (None, 0.95))
    assert outcome_of(bounded, samples).cost > outcome_of(plain, samples).cost


def test_an_accuracy_is_the_delta_of_every_bin() -> None:
    samples = random_samples(0, samples=600, exits=4, classes=3)
    policy = Accuracy(0.9).fit(Pcee(), samples).policy
    assert policy == Pcee().at(samples, samples.correct, 0.9)
    chosen = policy.decide(samples.logits)
    first = chosen == 0
    assert first.any()
    assert samples.correct[first, 0].mean() >= 0.9


def test_an_exit_that_can_never_fire_is_named() -> None:
    logits, labels = random_logits(0, samples=300, exits=3, classes=3)
    logits[:, 0] = np.random.default_rng(1).normal(size=(300, 3))
    notes = Accuracy(0.9).fit(Pcee(bins=5), with_costs(logits, labels)).target_check.notes
    assert any(note.startswith("Exit 0 can never fire") for note in notes)


def test_nobody_drifts_when_everyone_arrives() -> None:
    samples = random_samples(0, samples=500, exits=4, classes=3)
    assert drifted_bins(never_leave(4), samples, "confidence") == []


def test_a_bin_whose_survivors_are_worse_is_flagged() -> None:
    random = np.random.default_rng(0)
    is_easy = random.random(2000) < 0.7
    answers = np.where(is_easy[:, np.newaxis], [0, 0, 0], [0, 1, 0])  # the hard ones are wrong at exit 1
    sureness = np.stack([np.where(is_easy, 0.95, 0.6), random.uniform(0.6, 0.9, 2000), np.ones(2000)], 1)
    logits = np.eye(2)[answers] * np.log(sureness / (1.001 - sureness))[:, :, np.newaxis]
    policy = SwitchPolicy("confidence", ((0.9,), ()))  # the easy ones leave at exit 0
    flags = drifted_bins(policy, with_costs(logits, np.zeros(2000, np.int64)), "confidence")
    assert len(flags) == 20
    assert all(flag.exit_index == 1 and flag.rate_arriving == 0.0 for flag in flags)
    assert max(flag.standard_errors for flag in flags) < -2


def test_sequential_bins_see_those_that_arrive_alone() -> None:
    samples = random_samples(0, samples=2000, exits=3, classes=3)
    policy = Pcee(is_sequential=True, bins=4).at(samples, samples.correct, 0.9)
    chosen = policy.decide(samples.logits)
    second = chosen == 1
    assert second.any()
    assert samples.correct[second, 1].mean() >= 0.9


def test_switches_turn_leaving_on_and_off() -> None:
    switches = switches_where(np.array([0.1, 0.3, 0.5, 0.7]), np.array([True, False, False, True]))
    assert switches == (-np.inf, 0.3, 0.7)
    scores = np.array([0.0, 0.29, 0.3, 0.69, 0.7, 1.0])
    assert switched_on(switches, scores).tolist() == [True, True, False, False, True, True]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(DataError, match="at least 1"):
        Pcee(bins=0)
    with pytest.raises(DataError, match="lower_bound"):
        Pcee(lower_bound=1.0)
    with pytest.raises(DataError, match="margn"):
        Pcee(score="margn")
