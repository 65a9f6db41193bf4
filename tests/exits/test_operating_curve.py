import dataclasses
import json
import logging

import numpy as np
import pytest
from hypothesis import given
from threshold_cases import Case, large_case, small_cases

from aebnas.errors import DataError, ShapeError
from aebnas.exits.operating_curve import TUNERS, OperatingCurve, operating_curve
from aebnas.exits.optuna_tuner import tune_with_optuna
from aebnas.exits.outcome import apply_thresholds
from aebnas.exits.shares import thresholds_from_shares
from aebnas.exits.smoothing import smoothed_correctness
from aebnas.exits.threshold_tuner import tune_thresholds


def halves(case: Case) -> tuple[Case, Case]:
    scores, correct, reach_cost = case
    middle = len(scores) // 2
    return (scores[:middle], correct[:middle], reach_cost), (scores[middle:], correct[middle:], reach_cost)


def curve_of(case: Case, tuner: str = "exact", trials: int = 60, max_points: int = 400) -> OperatingCurve:
    calibrate, select = halves(case)
    return operating_curve(*calibrate[:2], *select, tuner=tuner, trials=trials, max_points=max_points)


@pytest.fixture(scope="module")
def curve() -> OperatingCurve:
    return curve_of(large_case(0, samples=600, exits=4))


@pytest.mark.parametrize("tuner", TUNERS)
def test_select_is_scored_with_the_thresholds_tuned_on_calibrate(tuner: str) -> None:
    case = large_case(0, samples=400, exits=3)
    calibrate, select = halves(case)
    curve = curve_of(case, tuner)
    on_calibrate = apply_thresholds(curve.thresholds, *calibrate)
    on_select = apply_thresholds(curve.thresholds, *select)
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
        operating_curve(*calibrate[:2], select[0], right, select[2], tuner=tuner, trials=60)
        for right in (select[1], ~select[1])
    ]
    assert curves[0].thresholds.tolist() == curves[1].thresholds.tolist()


def test_points_are_sorted_by_cost_and_start_where_everyone_leaves_at_once(curve: OperatingCurve) -> None:
    assert (np.diff(curve.calibrate_cost) > 0).all()
    assert curve.calibrate_cost[0] == curve.reach_cost[0]


def test_a_curve_is_thinned_to_the_points_asked_for() -> None:
    case = large_case(0, samples=600, exits=4)
    full, thinned = curve_of(case), curve_of(case, max_points=10)
    assert 5 <= len(thinned.thresholds) <= 10
    assert thinned.calibrate_cost[[0, -1]].tolist() == full.calibrate_cost[[0, -1]].tolist()


def test_the_point_within_a_budget_is_the_dearest_affordable_one(curve: OperatingCurve) -> None:
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
    curve = operating_curve(case[0], case[1], *case)
    text = json.dumps(curve.to_dict(), allow_nan=False)
    again = OperatingCurve.from_dict(json.loads(text))
    assert curve.policies is again.policies is curve.settings is again.settings is None
    for field in dataclasses.fields(curve)[:-2]:
        before, after = getattr(curve, field.name), getattr(again, field.name)
        assert before.shape == after.shape
        assert before.tolist() == after.tolist()


def test_one_exit_gives_one_point_whose_area_is_its_accuracy() -> None:
    curve = curve_of(large_case(0, samples=50, exits=1))
    assert curve.thresholds.shape == (1, 0)
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


def test_an_unknown_tuner_is_refused_with_the_choices() -> None:
    with pytest.raises(DataError, match="exact, optuna"):
        curve_of(large_case(0, samples=20, exits=2), "grid")


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
