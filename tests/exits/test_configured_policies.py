"""From the ``exits:`` section to fitted policies, and their curves."""

import json

import numpy as np
import pytest

from aebnas.config.sections.exits import TARGET_FIELDS, ExitsConfig
from aebnas.config.sections.policies import POLICY_CONFIGS, POLICY_NAMES, PolicyConfig, policy_named
from aebnas.config.tagged import kind_names
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import leave_at_once
from aebnas.exits.operating_curve import OperatingCurve, operating_curve
from aebnas.exits.policies.configured import configured_family, configured_target
from aebnas.exits.policies.families import FAMILIES
from aebnas.exits.policies.table import policy_from_dict
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.targets import TARGETS, Accuracy, Budget, Guarantee
from aebnas.exits.thresholds.tuners import OptunaTuner


def samples(seed: int, exits: int = 3) -> ExitSamples:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 250)
    logits = rng.normal(size=(250, exits, 4)).astype(np.float32)
    logits[np.arange(250), :, labels] += np.linspace(1.0, 2.5, exits)
    return ExitSamples.of(logits, labels, 2.0 ** np.arange(exits))


def path_curve(name: str, calibrate: ExitSamples, select: ExitSamples) -> OperatingCurve:
    path = FAMILIES[name]().path(calibrate, calibrate.correct)
    return operating_curve(path, calibrate, select)


def section(**fields: object) -> ExitsConfig:
    return ExitsConfig.model_validate(fields)


def test_the_file_knows_every_policy_of_the_library() -> None:
    assert tuple(FAMILIES) == POLICY_NAMES


@pytest.mark.parametrize("name", FAMILIES)
def test_without_options_a_policy_is_the_librarys(name: str) -> None:
    assert configured_family(policy_named(name)) == FAMILIES[name]()


VALUES = {
    "score": "entropy", "patience": 2, "bins": 7, "lower_bound": 0.9, "most_weight": 1.0, "coverage": 0.5,
    "passed_on": 0.1, "tuner": {"name": "optuna", "trials": 7},
}  # fmt: skip


@pytest.mark.parametrize("kind", POLICY_CONFIGS)
def test_every_option_of_a_policy_reaches_its_family(kind: type[PolicyConfig]) -> None:
    for name in kind_names(kind):
        for option in set(kind.model_fields) - {"name"}:
            given = policy_named(name, **{option: VALUES[option]})
            assert configured_family(given) != FAMILIES[name](), option


def test_a_tuner_brings_its_options() -> None:
    policy = policy_named("margin", tuner={"name": "optuna", "trials": 7})
    assert configured_family(policy) == TunedThresholds("margin", OptunaTuner(trials=7))


def test_targets_carry_their_numbers() -> None:
    assert configured_target(section(), "macs") is None
    assert configured_target(section(accuracy=0.9), "macs") == Accuracy(0.9, unit="MACs")
    assert configured_target(section(latency_ms=3), "latency_ms@board") == Budget(3, unit="ms")
    promise = section(guarantee={"max_harm": 0.02, "confidence": 0.8})
    assert configured_target(promise, "energy_mj@board") == Guarantee(0.02, 0.8, unit="mJ")


def test_a_violation_is_a_share_of_the_target() -> None:
    at_once = outcome_of(leave_at_once(3), samples(0))  # costs 1, and its answers are not all right
    assert Accuracy(1.0).violation(at_once) == pytest.approx(1 - at_once.accuracy)
    assert Accuracy(0.9).violation(at_once) == pytest.approx((0.9 - at_once.accuracy) / 0.9)
    assert Budget(0.8).violation(at_once) == pytest.approx(0.25)
    assert Budget(1.0).violation(at_once) == Accuracy(0.1).violation(at_once) == 0.0
    assert at_once.harm > 0.01
    assert Guarantee(0.01).violation(at_once) == 0.0  # the last exit alone keeps every promise


def test_every_target_of_the_section_has_its_class() -> None:
    assert set(TARGETS) == set(TARGET_FIELDS)


def test_only_a_budget_is_another_where_costs_have_another_unit() -> None:
    assert Budget(3, unit="ms").at_cost(2e6, "MACs") == Budget(2e6, unit="MACs")
    assert Accuracy(0.9, unit="ms").at_cost(2e6, "MACs") == Accuracy(0.9, unit="MACs")
    assert Guarantee(0.01, unit="ms").at_cost(2e6, "MACs") == Guarantee(0.01, unit="MACs")


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("exits", [1, 3])
def test_the_policies_of_a_curve_give_its_numbers_on_select(name: str, exits: int) -> None:
    calibrate, select = samples(0, exits), samples(1, exits)
    curve = path_curve(name, calibrate, select)
    for i in {0, len(curve.calibrate_cost) - 1}:
        policy = policy_from_dict(json.loads(json.dumps(curve.policies[i].to_dict())))
        on_select, on_calibrate = outcome_of(policy, select), outcome_of(policy, calibrate)
        assert curve.select_accuracy[i] == on_select.accuracy
        assert curve.select_cost[i] == pytest.approx(on_select.cost)
        assert curve.calibrate_cost[i] == pytest.approx(on_calibrate.cost)
        np.testing.assert_allclose(curve.exit_rates[i], on_select.exit_rates)


def test_a_curve_of_policies_survives_json() -> None:
    curve = path_curve("pcee", samples(0), samples(1))
    plain = curve.to_dict()
    back = OperatingCurve.from_dict(json.loads(json.dumps(plain)))
    assert list(back.policies) == list(curve.policies)
    assert back.to_dict() == plain


def test_the_labels_of_select_change_no_policy() -> None:
    select = samples(1)
    blind = ExitSamples(select.logits, (select.labels + 1) % 4, select.reach_cost)
    curves = [path_curve("jei", samples(0), split) for split in (select, blind)]
    assert curves[0].policies == curves[1].policies


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_target_that_the_path_reaches_is_never_missed(name: str, share: float) -> None:
    calibrate, family = samples(0), FAMILIES[name]()
    reached = [outcome_of(policy, calibrate) for policy in family.path(calibrate, calibrate.correct)]
    accuracies, costs = [one.accuracy for one in reached], [one.cost for one in reached]
    target = Accuracy(min(accuracies) + share * (max(accuracies) - min(accuracies)))
    assert target.fit(family, calibrate).target_check.is_met
    assert Budget(min(costs) + share * (max(costs) - min(costs))).fit(family, calibrate).target_check.is_met
