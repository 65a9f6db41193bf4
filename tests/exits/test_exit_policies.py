import json

import numpy as np
import pytest

from aebnas.errors import DataError
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.policies.eenet import LearnedScores
from aebnas.exits.policies.eero import Eero
from aebnas.exits.policies.families import FAMILIES, family_named
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.policies.jei import JeiGates
from aebnas.exits.policies.patience import Patience, PatiencePolicy
from aebnas.exits.policies.pcee import Pcee
from aebnas.exits.policies.table import POLICIES, policy_from_dict
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.policies.window import WindowCascade
from aebnas.exits.targets import Budget
from aebnas.exits.thresholds.tuners import ExactTuner
from aebnas.testing.policies import PolicyContract, random_samples


class TestConfidenceThresholds(PolicyContract):
    def family(self) -> PolicyFamily:
        return TunedThresholds("confidence", tuner=ExactTuner(5000))


class TestEntropyThresholds(PolicyContract):
    def family(self) -> PolicyFamily:
        return TunedThresholds("entropy", tuner=ExactTuner(5000))


class TestMarginThresholds(PolicyContract):
    def family(self) -> PolicyFamily:
        return TunedThresholds("margin", tuner=ExactTuner(5000))


class TestPatience(PolicyContract):
    def family(self) -> PolicyFamily:
        return Patience()


class TestPcee(PolicyContract):
    def family(self) -> PolicyFamily:
        return Pcee(max_points=15)


class TestPceeWithLowerBound(PolicyContract):
    def family(self) -> PolicyFamily:
        return Pcee(lower_bound=0.8, max_points=15)


class TestPceeOnArrivals(PolicyContract):
    def family(self) -> PolicyFamily:
        return Pcee(is_sequential=True, max_points=15)


class TestSmoothedPcee(PolicyContract):
    def family(self) -> PolicyFamily:
        return Pcee(is_smoothed=True, neighbours=5, max_points=15)


class TestEero(PolicyContract):
    def family(self) -> PolicyFamily:
        return Eero(betas=(0.01, 0.1, 1.0), max_points=12)


class TestJeiGates(PolicyContract):
    def family(self) -> PolicyFamily:
        return JeiGates(prices=(0.0, 0.3, 1.0, 3.0, 10.0))


class TestLearnedScores(PolicyContract):
    def family(self) -> PolicyFamily:
        return LearnedScores(max_points=5)


class TestWindowCascade(PolicyContract):
    def family(self) -> PolicyFamily:
        return WindowCascade(max_points=11)


def test_every_family_has_its_contract_test() -> None:
    cases = PolicyContract.__subclasses__()
    tested = {type(case().family()) for case in cases}
    assert {type(family_named(name)) for name in FAMILIES} == tested
    scores = {family.score for case in cases if isinstance(family := case().family(), TunedThresholds)}
    assert scores == {"confidence", "entropy", "margin"}


def test_every_kind_of_policy_is_written_by_some_family() -> None:
    samples = random_samples(0, samples=60, exits=3, classes=3)
    families = [Patience(2), *(family_named(name) for name in FAMILIES)]
    written = [Budget(2.2).fit(family, samples).policy.to_dict() for family in families]
    assert {data["policy"] for data in written} == set(POLICIES)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_fitted_thresholds_stay_within_their_budget_on_the_calibration_samples(share: float) -> None:
    samples = random_samples(0, samples=500, exits=4, classes=3)
    result = Budget(1.0 + 3.0 * share).fit(TunedThresholds(), samples)
    assert outcome_of(result.policy, samples).cost <= 1.0 + 3.0 * share
    assert result.target_check.is_met


def test_thresholds_that_are_no_float32_decide_alike_in_batch_and_online() -> None:
    logits = np.array([[[np.log(9.0), 0.0], [0.0, 0.0]]])  # confidence 0.9, in float32 below 0.9
    policy = ThresholdPolicy("confidence", (float(np.float32(0.9)) + 1e-9,))
    assert policy.decide(logits).tolist() == [1]
    assert policy.leave(0, logits[:, :1]).tolist() == [False]


def test_patience_waits_for_equal_answers_in_a_row() -> None:
    answers = np.array([[0, 0, 1], [0, 1, 1], [0, 1, 0]])
    logits = np.eye(2)[answers]
    assert PatiencePolicy(2, 3).decide(logits).tolist() == [1, 2, 2]
    assert PatiencePolicy(1, 3).decide(logits).tolist() == [0, 0, 0]


def test_a_fixed_patience_is_kept_whatever_the_target() -> None:
    samples = random_samples(0, samples=60, exits=4, classes=3)
    assert Budget(1.1).fit(Patience(3), samples).policy == PatiencePolicy(3, 4)


def test_an_unknown_policy_is_refused_with_the_choices() -> None:
    with pytest.raises(DataError, match="threshold"):
        policy_from_dict({"policy": "oracle"})
    with pytest.raises(DataError, match="pcee_ws"):
        family_named("oracle")


@pytest.mark.parametrize(
    "broken",
    [
        {"policy": "threshold", "score": "margin", "thresholds": ["sometimes"]},
        {"policy": "switch", "score": "margin", "switches": [[0.5, 0.2]]},
        {"policy": "switch", "score": "margin"},
        {"policy": "patience", "patience": 0, "exits": 3},
        {"policy": "patience", "patience": 1.5, "exits": 3},
        {"policy": "gates", "gates": [[1.0, 2.0]]},
        {"policy": "gates", "gates": [[1.0, 2.0, 3.0, 4.0, "5"]]},
        {"policy": "learned_scores", "weights": [[1.0, None]], "thresholds": [0.5]},
        {"policy": "window", "score": "margin", "windows": [[0.1]], "operating": [0.1, 0.2]},
        {"policy": "window", "score": "margin", "windows": [["a", None]], "operating": [0.1, 0.2]},
        {"policy": "threshold", "score": ["margin"], "thresholds": [0.5]},
        {"policy": "threshold", "score": "margin", "thresholds": 0.5},
        {"policy": "threshold", "score": "margin", "thresholds": None},
        {"policy": "switch", "score": "margin", "switches": 3},
        {"policy": "switch", "score": "margin", "switches": [0.5]},
        {"policy": "gates", "gates": 5},
        {"policy": "learned_scores", "weights": 3, "thresholds": [0.5]},
        {"policy": "learned_scores", "weights": {"0": [1.0]}, "thresholds": [0.5]},
        {"policy": "window", "score": "margin", "windows": 3, "operating": [0.1, 0.2]},
        {"policy": "window", "score": "margin", "windows": [[None, None]], "operating": None},
    ],
    ids=lambda broken: json.dumps(broken),
)
def test_a_broken_policy_file_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(DataError):
        policy_from_dict(broken)


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        ThresholdPolicy("confidence", (float("nan"),))
