"""Policies decide at run time, one exit after the other, as they decide on stored logits."""

import numpy as np
import pytest

from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import SCORES
from aebnas.exits.core.switch_policy import SwitchPolicy
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.online import SINGLE_SCORES, online, online_single
from aebnas.exits.policies.families import FAMILIES, family_named
from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.exits.targets import Budget

COST = [1.0, 2.0, 4.0]


def samples(count: int = 300, classes: int = 5) -> ExitSamples:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(0, 2, (count, 3, classes))
    for exit_index in range(3):
        logits[np.arange(count), exit_index, labels] += 1.5 * exit_index + 1
    return ExitSamples.of(logits.astype(np.float32), labels, COST)


def decided_online(policy: ExitPolicy, logits: np.ndarray) -> np.ndarray:
    decide, chosen = online(policy), np.full(len(logits), logits.shape[1] - 1)
    for i in reversed(range(logits.shape[1] - 1)):
        chosen[decide(i, [logits[:, e] for e in range(i + 1)])] = i
    return chosen


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_policy_decides_online_as_it_decides_at_once(name: str) -> None:
    fitted = samples()
    policy = Budget(2.2).fit(family_named(name), fitted).policy
    logits = fitted.logits.values
    chosen = policy.decide(logits)
    np.testing.assert_array_equal(decided_online(policy, logits), chosen)
    single = [decided_online(policy, logits[i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(single, chosen[:50])


def single(policy: ExitPolicy, logits: np.ndarray) -> list[int]:
    """Return the exits of samples ``(N, E, K)`` that come one by one."""
    decide = online_single(policy)
    assert decide is not None
    last = logits.shape[1] - 1
    return [next((i for i in range(last) if decide(i, one[i : i + 1])), last) for one in logits]


@pytest.mark.parametrize("name", ["confidence", "entropy", "margin", "pcee", "pcee_ws"])
@pytest.mark.parametrize("classes", [2, 5, 33])
def test_one_by_one_a_policy_decides_as_it_decides_at_once(name: str, classes: int) -> None:
    fitted = samples(classes=classes)
    policy = Budget(2.2).fit(family_named(name), fitted).policy
    assert single(policy, fitted.logits.values) == policy.decide(fitted.logits.values).tolist()


@pytest.mark.parametrize("score", ["confidence", "entropy", "margin"])
def test_one_by_one_limits_at_and_beside_a_score_are_held_to_the_last_digit(score: str) -> None:
    logits = samples(30).logits
    for found in logits.scores(score)[:, 0]:
        for limit in (found, np.nextafter(found, np.float32(2)), np.nextafter(found, np.float32(-1))):
            for policy in (
                ThresholdPolicy(score, (float(limit), 0.7)),
                SwitchPolicy(score, ((-np.inf, float(limit)), (0.2, 0.5, 0.9))),
            ):
                assert single(policy, logits.values) == policy.decide(logits.values).tolist()


@pytest.mark.parametrize(
    ("policy", "leaves"),
    [
        (ThresholdPolicy("confidence", (-np.inf,)), True),
        (ThresholdPolicy("confidence", (np.inf,)), False),
        (SwitchPolicy("margin", ((),)), False),
        (SwitchPolicy("margin", ((-np.inf,),)), True),
        (SwitchPolicy("margin", ((-np.inf, np.inf),)), True),
    ],
)
def test_one_by_one_always_and_never_hold(policy: ExitPolicy, leaves: bool) -> None:
    logits = samples(3).logits.values[:, :2]
    assert single(policy, logits) == policy.decide(logits).tolist() == [0 if leaves else 1] * 3


@pytest.mark.parametrize(
    "policy", [ThresholdPolicy("confidence", (0.5,)), SwitchPolicy("entropy", ((0.1, 0.5),))]
)
def test_a_sample_whose_score_is_no_number_does_not_leave(policy: ExitPolicy) -> None:
    decide = online_single(policy)
    assert decide is not None
    assert not decide(0, np.array([[1.0, np.nan, 800.0]], np.float32))


def test_every_score_has_its_plain_form() -> None:
    assert SINGLE_SCORES.keys() == SCORES.keys()


def test_a_policy_that_looks_back_is_not_decided_from_one_exit() -> None:
    assert online_single(PatiencePolicy(2, 3)) is None


@pytest.mark.parametrize("score", ["confidence", "entropy", "margin"])
def test_a_threshold_that_is_a_score_itself_is_reached_online_too(score: str) -> None:
    logits = samples(40).logits
    for threshold in logits.scores(score)[:, 0].tolist():
        policy = ThresholdPolicy(score, (threshold, 0.7))
        expected = policy.leave(0, logits.values[:, :1])
        np.testing.assert_array_equal(policy.leave_unchecked(0, logits.values[:, 0]), expected)
        assert expected.any()


@pytest.mark.parametrize(("threshold", "leaves"), [(-np.inf, True), (np.inf, False)])
def test_always_and_disabled_hold_online(threshold: float, leaves: bool) -> None:
    policy = ThresholdPolicy("confidence", (threshold, 0.5))
    assert policy.leave_unchecked(0, samples(4).logits.values[:, 0]).tolist() == [leaves] * 4
