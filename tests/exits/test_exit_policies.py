import numpy as np
import pytest
from exit_policy_contract import ExitPolicyContract, random_samples, target

from aebnas.errors import DataError, ShapeError
from aebnas.exits.policies import FitTarget, ThresholdPolicy, policy_from_dict
from aebnas.exits.scores import SCORES


class TestConfidenceThresholds(ExitPolicyContract):
    def unfitted(self) -> ThresholdPolicy:
        return ThresholdPolicy("confidence")


class TestEntropyThresholds(ExitPolicyContract):
    def unfitted(self) -> ThresholdPolicy:
        return ThresholdPolicy("entropy")


class TestMarginThresholds(ExitPolicyContract):
    def unfitted(self) -> ThresholdPolicy:
        return ThresholdPolicy("margin")


def test_every_score_has_its_contract_test() -> None:
    tested = {TestConfidenceThresholds, TestEntropyThresholds, TestMarginThresholds}
    assert {case().unfitted().score for case in tested} == set(SCORES)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_fitted_policy_stays_within_its_budget_on_the_fitting_samples(share: float) -> None:
    logits, labels = random_samples(0, samples=500, exits=4, classes=3)
    goal = target(4, share)
    policy = ThresholdPolicy().fit(logits, labels, goal)
    assert np.array(goal.reach_cost)[policy.decide(logits)].mean() <= goal.budget


def test_a_larger_budget_is_spent_on_later_exits() -> None:
    logits, labels = random_samples(0, samples=500, exits=4, classes=3)
    small, large = (
        ThresholdPolicy().fit(logits, labels, target(4, share)).decide(logits).mean() for share in (0.1, 0.5)
    )
    assert large > small


def test_a_budget_below_every_point_gives_the_cheapest() -> None:
    logits, labels = random_samples(0, samples=50, exits=3, classes=3)
    policy = ThresholdPolicy().fit(logits, labels, FitTarget((1.0, 2.0, 3.0), budget=0.1))
    assert policy.decide(logits).tolist() == [0] * 50


def test_thresholds_that_are_no_float32_decide_alike_in_batch_and_online() -> None:
    logits = np.array([[[np.log(9.0), 0.0], [0.0, 0.0]]])  # confidence 0.9, in float32 below 0.9
    policy = ThresholdPolicy("confidence", (float(np.float32(0.9)) + 1e-9,))
    assert policy.decide(logits).tolist() == [1]
    assert policy.leave(0, logits[:, :1]).tolist() == [False]


def test_a_number_of_exits_other_than_the_policys_is_refused() -> None:
    logits, _ = random_samples(0, samples=5, exits=3, classes=3)
    with pytest.raises(ShapeError, match=r"\(P, 2\)"):
        ThresholdPolicy("confidence", (0.5,)).decide(logits)


def test_leaving_needs_the_logits_up_to_that_exit() -> None:
    logits, _ = random_samples(0, samples=5, exits=3, classes=3)
    with pytest.raises(ShapeError, match="At exit 1"):
        ThresholdPolicy("confidence", (0.5, 0.5)).leave(1, logits)


def test_an_exit_that_does_not_exist_is_refused() -> None:
    logits, _ = random_samples(0, samples=5, exits=3, classes=3)
    with pytest.raises(DataError, match=r"0 <= exit_index <= 1"):
        ThresholdPolicy("confidence", (0.5,)).leave(2, logits)


def test_an_unknown_policy_is_refused_with_the_choices() -> None:
    with pytest.raises(DataError, match="threshold"):
        policy_from_dict({"policy": "patience"})


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        ThresholdPolicy("confidence", (float("nan"),))
    with pytest.raises(DataError, match="'sometimes'"):
        policy_from_dict({"policy": "threshold", "score": "margin", "thresholds": ["sometimes"]})
