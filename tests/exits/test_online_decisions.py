"""Policies decide at run time, one exit after the other, as they decide on stored logits."""

import numpy as np
import pytest

from aebnas.exits.fitting import fit
from aebnas.exits.online import online
from aebnas.exits.policies import FAMILIES, family_named
from aebnas.exits.policy import ExitPolicy
from aebnas.exits.samples import ExitSamples
from aebnas.exits.targets import Budget
from aebnas.exits.threshold_policy import ThresholdPolicy

COST = [1.0, 2.0, 4.0]


def samples(count: int = 300) -> ExitSamples:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, count)
    logits = rng.normal(0, 2, (count, 3, 5))
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
    policy = fit(family_named(name), fitted, Budget(2.2)).policy
    logits = fitted.logits.values
    chosen = policy.decide(logits)
    np.testing.assert_array_equal(decided_online(policy, logits), chosen)
    single = [decided_online(policy, logits[i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(single, chosen[:50])


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
