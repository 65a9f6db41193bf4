import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from threshold_cases import Case, large_case, small_cases

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.outcome import apply_thresholds, outcome_of, outcomes_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.shares import thresholds_from_shares
from aebnas.exits.core.threshold_policy import leave_at_once, never_leave
from aebnas.exits.operating_curve import OperatingCurve, joined_curves, operating_curve
from aebnas.exits.policies.families import FAMILIES
from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.thresholds.optuna_tuner import tune_with_optuna
from aebnas.exits.thresholds.smoothing import smoothed_correctness
from aebnas.exits.thresholds.tuner import tune_thresholds
from aebnas.exits.thresholds.tuners import TUNERS
from aebnas.testing.policies import random_samples, stored_scores


def halves(case: Case) -> tuple[Case, Case]:
    scores, correct, reach_cost = case
    middle = len(scores) // 2
    return (scores[:middle], correct[:middle], reach_cost), (scores[middle:], correct[middle:], reach_cost)


def samples_of(case: Case) -> ExitSamples:
    """Return what the exits said, without logits: answer 0 is right, 1 is wrong."""
    scores, correct, reach_cost = case
    labels = np.zeros(len(scores), np.int64)
    return ExitSamples.of_scores({"confidence": scores}, (~correct).astype(np.uint8), labels, reach_cost)


def curve_of(case: Case, tuner: str = "exact", max_points: int = 400) -> OperatingCurve:
    return curve_between(*halves(case), tuner, max_points)


def curve_between(
    calibrate: Case, select: Case, tuner: str = "exact", max_points: int = 400
) -> OperatingCurve:
    options = {"optuna": {"trials": 60}, "exact": {}}[tuner]
    family = TunedThresholds("confidence", TUNERS[tuner](**options), max_points)
    seen = samples_of(calibrate)
    return operating_curve(family.path(seen, seen.correct), seen, samples_of(select))


def thresholds_of(curve: OperatingCurve) -> np.ndarray:
    return np.array([policy.thresholds for policy in curve.policies])  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def curve() -> OperatingCurve:
    return curve_of(large_case(0, samples=600, exits=4))


@pytest.mark.parametrize("tuner", TUNERS)
def test_select_is_scored_with_the_thresholds_tuned_on_calibrate(tuner: str) -> None:
    case = large_case(0, samples=400, exits=3)
    calibrate, select = halves(case)
    curve = curve_of(case, tuner)
    on_calibrate = apply_thresholds(thresholds_of(curve), *calibrate)
    on_select = apply_thresholds(thresholds_of(curve), *select)
    assert curve.calibrate_accuracy.tolist() == on_calibrate.accuracy.tolist()
    assert curve.calibrate_cost.tolist() == on_calibrate.cost.tolist()
    assert curve.select_accuracy.tolist() == on_select.accuracy.tolist()
    assert curve.select_cost.tolist() == on_select.cost.tolist()
    assert curve.exit_rates.tolist() == on_select.exit_rates.tolist()
    assert curve.exit_accuracy.tolist() == select[1].mean(axis=0).tolist()


@pytest.mark.parametrize("tuner", TUNERS)
def test_select_labels_never_change_the_thresholds(tuner: str) -> None:
    calibrate, select = halves(large_case(0, samples=400, exits=3))
    curves = [
        curve_between(calibrate, (select[0], right, select[2]), tuner) for right in (select[1], ~select[1])
    ]
    assert list(curves[0].policies) == list(curves[1].policies)


def test_points_are_sorted_by_cost_and_start_where_everyone_leaves_at_once(curve: OperatingCurve) -> None:
    assert (np.diff(curve.calibrate_cost) > 0).all()
    assert curve.calibrate_cost[0] == curve.reach_cost[0]


def test_a_curve_is_thinned_to_the_points_asked_for() -> None:
    case = large_case(0, samples=600, exits=4)
    full, thinned = curve_of(case), curve_of(case, max_points=10)
    assert 5 <= len(thinned) <= 10
    assert thinned.calibrate_cost[[0, -1]].tolist() == full.calibrate_cost[[0, -1]].tolist()


def test_the_point_within_a_budget_is_the_most_expensive_affordable_one(curve: OperatingCurve) -> None:
    middle = len(curve.calibrate_cost) // 2
    assert curve.index_within(float(curve.calibrate_cost[middle])) == middle
    assert curve.index_within(float(curve.calibrate_cost[middle]) - 1e-6) == middle - 1
    assert curve.index_within(np.inf) == len(curve.calibrate_cost) - 1


def test_the_point_within_a_budget_is_the_most_accurate_of_plain_counts() -> None:
    curve = curve_of(large_case(0, samples=400, exits=3), "optuna")
    for budget in np.linspace(1.0, 3.0, 9):
        affordable = curve.calibrate_cost <= budget
        best = curve.calibrate_accuracy[affordable].max(initial=curve.calibrate_accuracy[0])
        assert curve.calibrate_accuracy[curve.index_within(float(budget))] == best


def test_a_budget_below_every_point_gives_the_cheapest(curve: OperatingCurve) -> None:
    assert curve.index_within(0.0) == 0


def test_a_budget_that_is_no_number_is_refused(curve: OperatingCurve) -> None:
    with pytest.raises(DataError, match="NaN"):
        curve.index_within(float("nan"))


def test_the_area_is_the_accuracy_averaged_over_budgets(curve: OperatingCurve) -> None:
    budgets = np.linspace(curve.reach_cost[0], curve.reach_cost[-1], 20_001)
    answers = [curve.select_accuracy[curve.index_within(float(budget))] for budget in budgets]
    assert curve.area() == pytest.approx(np.mean(answers), abs=1e-3)


@given(case=small_cases)
def test_a_curve_survives_json(case: Case) -> None:
    curve = curve_between(case, case)
    text = json.dumps(curve.to_dict(), allow_nan=False)
    again = OperatingCurve.from_dict(json.loads(text))
    assert list(curve.policies) == list(again.policies)
    assert curve.settings == again.settings == ()
    assert curve.measured == again.measured == {}
    for field in dataclasses.fields(curve)[1:-2]:
        before, after = getattr(curve, field.name), getattr(again, field.name)
        assert before.shape == after.shape
        assert before.tolist() == after.tolist()


def test_one_exit_gives_one_point_whose_area_is_its_accuracy() -> None:
    curve = curve_of(large_case(0, samples=50, exits=1))
    assert thresholds_of(curve).shape == (1, 0)
    assert curve.area() == curve.select_accuracy[0] == curve.exit_accuracy[0]


def test_a_curve_without_all_its_fields_is_refused_by_name(curve: OperatingCurve) -> None:
    data = curve.to_dict()
    del data["select_cost"]
    with pytest.raises(DataError, match="select_cost missing"):
        OperatingCurve.from_dict(data)


def test_a_curve_whose_fields_do_not_fit_is_refused(curve: OperatingCurve) -> None:
    with pytest.raises(ShapeError, match="select_cost"):
        dataclasses.replace(curve, select_cost=curve.select_cost[:-1])
    with pytest.raises(DataError, match="sorted"):
        dataclasses.replace(curve, calibrate_cost=curve.calibrate_cost[::-1])


def test_policies_of_another_network_make_no_curve(curve: OperatingCurve) -> None:
    with pytest.raises(ShapeError, match="Policies of 4 exits are needed, but got 3"):
        dataclasses.replace(curve, policies=[never_leave(3)] * len(curve))


@pytest.mark.parametrize(
    "damage",
    [
        lambda groups: groups[0]["columns"]["thresholds"].pop(),
        lambda groups: groups[0]["columns"].update(more=[1.0]),
        lambda groups: groups[0].pop("columns"),
        lambda groups: groups[0].pop("alike"),
        lambda groups: groups[0]["alike"].update(policy="thresholt"),
        lambda groups: groups[0]["columns"]["thresholds"].__setitem__(0, "abc"),
        lambda groups: groups[0]["columns"]["thresholds"].__setitem__(7, "abc"),
        lambda groups: groups[0]["columns"]["thresholds"].__setitem__(7, [0.5, 0.5]),
        lambda groups: groups[0]["columns"]["thresholds"][7].__setitem__(1, float("nan")),
        lambda groups: groups[0]["columns"]["thresholds"][7].__setitem__(1, "sometimes"),
        lambda groups: groups[0]["columns"]["thresholds"][7].__setitem__(1, None),
        lambda groups: groups[0]["columns"].clear(),
        lambda groups: groups[0].update(alike=3),
        lambda groups: groups[0].update(columns=[1, 2]),
        lambda groups: groups.__setitem__(0, "group"),
        lambda groups: groups[0].update(at=list(range(3))),
        lambda groups: groups[0].update(at=["a"] * len(groups[0]["columns"]["thresholds"])),
        lambda groups: groups[0]["alike"].update(score="confidenze"),
        lambda groups: groups[0]["alike"].update(policy=["threshold"]),
        lambda groups: groups.append({"alike": {}, "columns": {"thresholds": [[0.5]]}, "at": [10**6]}),
        lambda groups: groups.clear(),
    ],
)
def test_damaged_policies_of_a_curve_are_refused(curve: OperatingCurve, damage: Callable[[Any], Any]) -> None:
    data = json.loads(json.dumps(curve.to_dict()))
    damage(data["policies"])
    with pytest.raises((DataError, ShapeError)):
        OperatingCurve.from_dict(data)


def test_policies_of_several_kinds_survive_json_in_their_order(curve: OperatingCurve) -> None:
    both = joined_curves(
        {"thresholds": curve, "first": dataclasses.replace(curve, policies=_mixed(len(curve)))}
    )
    again = OperatingCurve.from_dict(json.loads(json.dumps(both.to_dict())))
    assert list(again.policies) == list(both.policies)
    assert list(again.policies[3:9]) == list(both.policies)[3:9]
    assert again.to_dict() == both.to_dict()
    assert again.settings == both.settings


def _mixed(count: int) -> list[ExitPolicy]:
    kinds: list[ExitPolicy] = [PatiencePolicy(1, 4), never_leave(4), PatiencePolicy(2, 4), leave_at_once(4)]
    return [kinds[i % len(kinds)] for i in range(count)]


def test_thresholds_of_a_curve_are_stored_as_one_list(curve: OperatingCurve) -> None:
    (group,) = curve.to_dict()["policies"]
    assert group["alike"] == {"policy": "threshold", "score": "confidence"}
    assert len(group["columns"]["thresholds"]) == len(curve)


def test_stored_scores_give_the_curve_of_the_logits() -> None:
    calibrate, select = (random_samples(seed, 300, 3, 4) for seed in (0, 1))
    stored = [stored_scores(samples) for samples in (calibrate, select)]
    for name, make in FAMILIES.items():
        family = make()
        if family.needs_logits:
            continue
        curves = [
            operating_curve(family.path(seen, seen.correct), seen, unseen)
            for seen, unseen in ((calibrate, select), stored)
        ]
        assert curves[0].to_dict() == curves[1].to_dict(), name


def test_many_policies_at_once_lead_to_what_each_leads_to() -> None:
    samples = random_samples(0, 300, 4, 4)
    path = TunedThresholds("margin").path(samples, samples.correct)
    for outcome, policy in zip(outcomes_of(path, samples), path, strict=True):
        alone = outcome_of(policy, samples)
        assert (outcome.accuracy, outcome.harm) == (alone.accuracy, alone.harm)
        assert outcome.cost == pytest.approx(alone.cost, rel=1e-12)
        assert outcome.exit_rates.tolist() == alone.exit_rates.tolist()


def test_a_curve_of_fewer_than_two_points_cannot_be_asked_for() -> None:
    with pytest.raises(DataError, match=r"max_points >= 2"):
        curve_of(large_case(0, samples=20, exits=2), max_points=1)


def test_smoothing_keeps_the_accuracy_of_every_exit() -> None:
    scores, correct, _ = large_case(0, samples=500, exits=4)
    smoothed = smoothed_correctness(scores, correct)
    assert smoothed.mean(axis=0) == pytest.approx(correct.mean(axis=0), abs=1e-3)


def test_smoothing_comes_closer_to_the_true_probability() -> None:
    scores, correct, _ = large_case(0, samples=1000, exits=2)
    ease = np.log(scores[:, 0] / (1 - scores[:, 0]))
    true = np.array([correct[np.abs(ease - x) < 0.3, 0].mean() for x in ease])
    smoothed = smoothed_correctness(scores, correct)
    assert np.mean((smoothed[:, 0] - true) ** 2) < 0.3 * np.mean((correct[:, 0] - true) ** 2)


def test_smoothing_survives_constant_scores_and_answers() -> None:
    scores = np.ones((5, 3), dtype=np.float32)
    correct = np.ones((5, 3), dtype=np.bool_)
    assert smoothed_correctness(scores, correct) == pytest.approx(1.0, abs=0.05)


def test_smoothed_tuning_generalises_better_than_plain_tuning() -> None:
    gains = []
    for seed in range(8):
        scores, correct, reach_cost = large_case(seed, samples=8200, exits=3)
        calibrate = (scores[:200], correct[:200], reach_cost)
        select = (scores[200:], correct[200:], reach_cost)
        accuracies = []
        for values in (smoothed_correctness(*calibrate[:2]), calibrate[1]):
            thresholds = tune_thresholds(calibrate[0], values, reach_cost)
            cost = apply_thresholds(thresholds, *calibrate).cost
            chosen = np.searchsorted(cost, np.linspace(1.1, 2.2, 8), side="right") - 1
            accuracies.append(apply_thresholds(thresholds[chosen], *select).accuracy.mean())
        gains.append(accuracies[0] - accuracies[1])
    assert np.mean(gains) > 0.001  # a tenth of a point


def test_optuna_finds_points_that_do_not_dominate_each_other() -> None:
    case = large_case(0, samples=200, exits=3)
    outcome = apply_thresholds(tune_with_optuna(*case, trials=80), *case)
    assert len(outcome.cost) > 5
    assert (np.diff(outcome.cost) > 0).all()
    assert (np.diff(outcome.accuracy) > 0).all()


def test_optuna_with_the_same_seed_finds_the_same_thresholds() -> None:
    case = large_case(0, samples=100, exits=3)
    first, second, other = (tune_with_optuna(*case, trials=60, seed=seed).tolist() for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_optuna_is_quiet() -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("optuna")
    logger.addHandler(handler)
    try:
        tune_with_optuna(*large_case(0, samples=50, exits=2), trials=5)
    finally:
        logger.removeHandler(handler)
    assert records == []


def test_optuna_needs_a_trial() -> None:
    with pytest.raises(DataError, match=r"trials >= 1"):
        tune_with_optuna(*large_case(0, samples=50, exits=2), trials=0)


def test_optuna_has_nothing_to_do_with_one_exit() -> None:
    assert tune_with_optuna(*large_case(0, samples=50, exits=1)).shape == (1, 0)


def test_shares_become_the_thresholds_at_which_so_many_leave() -> None:
    case = large_case(0, samples=200, exits=4)
    thresholds = thresholds_from_shares([0.5, 0.0, 0.25], case[0])
    assert thresholds[1] == np.inf
    rates = apply_thresholds(thresholds[np.newaxis], *case).exit_rates[0]
    assert rates.tolist() == [0.5, 0.0, 0.125, 0.375]


def test_a_share_of_everyone_lets_everyone_leave() -> None:
    scores = large_case(0, samples=20, exits=3)[0]
    assert thresholds_from_shares([1.0, 0.5], scores).tolist() == [-np.inf, np.inf]
