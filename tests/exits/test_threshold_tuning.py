import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threshold_cases import (
    Case,
    answer,
    brute_force_front,
    every_vector,
    large_case,
    small_case,
    small_cases,
)

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.core.front import accuracy_cost_front, best_of, thin
from aebnas.exits.core.outcome import apply_thresholds, exit_index
from aebnas.exits.thresholds.coordinate_ascent import ascend, prices
from aebnas.exits.thresholds.grid import all_levels, grid_outcome, grid_vectors, snapped
from aebnas.exits.thresholds.shared import shared_threshold
from aebnas.exits.thresholds.tuner import tune_thresholds, tuned_front


def points(thresholds: FloatArray, case: Case) -> list[tuple[float, float]]:
    outcome = apply_thresholds(thresholds, *case)
    pairs = zip(outcome.cost.tolist(), outcome.accuracy.tolist(), strict=True)
    return [(round(cost, 9), round(accuracy, 9)) for cost, accuracy in pairs]


def is_covered(point: tuple[float, float], front: list[tuple[float, float]]) -> bool:
    return any(cost <= point[0] + 1e-9 and accuracy >= point[1] - 1e-9 for cost, accuracy in front)


@given(case=small_cases)
def test_applying_thresholds_equals_walking_sample_by_sample(case: Case) -> None:
    vectors = every_vector(case[0])
    outcome = apply_thresholds(np.array(vectors).reshape(len(vectors), -1), *case)
    expected = [answer(vector, case) for vector in vectors]
    assert outcome.accuracy == pytest.approx([accuracy for accuracy, _, _ in expected])
    assert outcome.cost == pytest.approx([cost for _, cost, _ in expected])
    assert outcome.exit_rates == pytest.approx(np.array([rates for _, _, rates in expected]))


@given(case=small_cases)
def test_the_tuned_front_equals_brute_force(case: Case) -> None:
    assert points(tune_thresholds(*case), case) == brute_force_front(case)


@given(case=small_cases)
def test_grid_counts_equal_applying_each_vector(case: Case) -> None:
    scores, correct, reach_cost = case
    levels = all_levels(scores)
    value, cost = grid_outcome(levels, scores, correct.astype(float), reach_cost)
    outcome = apply_thresholds(grid_vectors(levels, np.arange(value.size)), *case)
    assert value == pytest.approx(outcome.accuracy)
    assert cost == pytest.approx(outcome.cost)


def test_a_grid_may_hold_one_threshold_per_exit() -> None:
    scores, correct, reach_cost = large_case(0, samples=300, exits=4)
    levels = [np.array([0.5]), np.array([0.3, 0.7]), np.array([0.6])]
    value, cost = grid_outcome(levels, scores, correct.astype(float), reach_cost)
    outcome = apply_thresholds(np.array([[0.5, 0.3, 0.6], [0.5, 0.7, 0.6]]), scores, correct, reach_cost)
    assert value == pytest.approx(outcome.accuracy)
    assert cost == pytest.approx(outcome.cost)


@given(seed=st.integers(0, 1000), price=st.sampled_from([0.01, 0.3, 2.0]))
@settings(max_examples=15)
def test_what_the_ascent_reports_equals_applying_its_vectors(seed: int, price: float) -> None:
    scores, correct, reach_cost = large_case(seed, samples=80, exits=4)
    _, visited = ascend(scores, correct.astype(float), reach_cost, np.array([price]))
    outcome = apply_thresholds(visited.thresholds, scores, correct, reach_cost)
    assert visited.value == pytest.approx(outcome.accuracy)
    assert visited.cost == pytest.approx(outcome.cost)


@given(seed=st.integers(0, 1000))
@settings(max_examples=15)
def test_the_ascent_never_cuts_between_equal_scores(seed: int) -> None:
    scores, correct, reach_cost = small_case(seed, samples=60, exits=3, distinct=6)
    _, visited = ascend(scores, correct.astype(float), reach_cost, np.array([0.0, 0.2, 2.0]))
    outcome = apply_thresholds(visited.thresholds, scores, correct, reach_cost)
    assert visited.value == pytest.approx(outcome.accuracy)
    assert visited.cost == pytest.approx(outcome.cost)


def test_no_single_threshold_improves_on_the_ascents_optimum() -> None:
    scores, correct, reach_cost = large_case(1, samples=60, exits=4)
    price_list = np.array([0.2, 0.8])
    optima, _ = ascend(scores, correct.astype(float), reach_cost, price_list)
    for price, optimum in zip(price_list, optima, strict=True):
        for i, level in enumerate(all_levels(scores)):
            vectors = np.tile(optimum, (len(level) + 1, 1))
            vectors[1:, i] = level
            outcome = apply_thresholds(vectors, scores, correct, reach_cost)
            worth = outcome.accuracy - price * outcome.cost / reach_cost[-1]
            assert worth.max() == pytest.approx(worth[0])


@given(case=small_cases)
def test_the_shared_front_equals_brute_force_over_equal_thresholds(case: Case) -> None:
    scores, _, reach_cost = case
    levels = sorted({-np.inf, np.inf, *scores[:, :-1].ravel().tolist()})
    vectors = np.array([[level] * (len(reach_cost) - 1) for level in levels])
    outcome = apply_thresholds(vectors, *case)
    kept = accuracy_cost_front(outcome.accuracy, outcome.cost)
    assert points(shared_threshold(*case), case) == points(vectors[kept], case)


@pytest.mark.parametrize("exits", [2, 3, 5, 8, 9])
def test_the_shared_threshold_never_dominates_the_tuned_front(exits: int) -> None:
    case = large_case(exits, samples=400, exits=exits)
    tuned = points(tune_thresholds(*case, max_vectors=5000), case)
    assert all(is_covered(point, tuned) for point in points(shared_threshold(*case), case))


@pytest.mark.parametrize("exits", [3, 4])
def test_the_heuristic_front_is_close_to_the_exact_one(exits: int) -> None:
    case = large_case(5, samples=40, exits=exits)
    exact = tuned_front(*case)
    heuristic = points(tune_thresholds(*case, max_vectors=200), case)
    for value, cost in zip(exact.value, exact.cost, strict=True):
        assert is_covered((float(cost), float(value) - 1.5 / 40), heuristic)


@pytest.mark.parametrize("exits", [4, 9])
def test_tuned_values_are_those_of_the_thresholds(exits: int) -> None:
    case = large_case(2, samples=300, exits=exits)
    front = tuned_front(*case, max_vectors=5000)
    outcome = apply_thresholds(front.thresholds, *case)
    assert front.value == pytest.approx(outcome.accuracy)
    assert front.cost == pytest.approx(outcome.cost)
    assert (np.diff(front.cost) > 0).all()
    assert (np.diff(front.value) > 0).all()


def test_finite_thresholds_are_observed_scores() -> None:
    case = large_case(3, samples=300, exits=5)
    thresholds = tune_thresholds(*case, max_vectors=5000)
    for i in range(4):
        finite = thresholds[np.isfinite(thresholds[:, i]), i]
        assert np.isin(finite, case[0][:, i].astype(np.float64)).all()


def test_tuning_twice_gives_the_same_thresholds() -> None:
    case = large_case(4, samples=300, exits=5)
    first, second = (tune_thresholds(*case, max_vectors=5000) for _ in range(2))
    assert first.tolist() == second.tolist()


@given(case=small_cases)
def test_snapped_thresholds_let_the_same_samples_leave(case: Case) -> None:
    rows = every_vector(case[0])
    at_scores = np.array(rows).reshape(len(rows), -1)
    for vectors in (at_scores, at_scores - 0.01, at_scores + 0.01):
        before, after = (apply_thresholds(each, *case) for each in (vectors, snapped(vectors, case[0])))
        assert after.exit_rates.tolist() == before.exit_rates.tolist()


@pytest.mark.parametrize("max_vectors", [2_000_000, 100])
def test_an_exit_that_knows_no_more_than_the_one_before_is_disabled(max_vectors: int) -> None:
    scores, correct, reach_cost = large_case(6, samples=100, exits=3)
    scores[:, 1], correct[:, 1] = scores[:, 0], correct[:, 0]
    thresholds = tune_thresholds(scores, correct, reach_cost, max_vectors)
    assert len(thresholds) > 5
    assert np.isposinf(thresholds[:, 1]).all()


def test_constant_scores_leave_only_always_and_disabled() -> None:
    scores, correct, reach_cost = small_case(0, samples=7, exits=3, distinct=1)
    assert not np.isfinite(tune_thresholds(scores, correct, reach_cost)).any()


def test_one_exit_has_one_empty_threshold_vector() -> None:
    case = small_case(0, samples=5, exits=1, distinct=3)
    assert tune_thresholds(*case).shape == (1, 0)
    assert shared_threshold(*case).shape == (1, 0)


def test_of_equal_points_the_one_with_most_exits_disabled_is_kept() -> None:
    vectors = np.array([[0.5, 0.5], [0.5, np.inf], [-np.inf, np.inf], [0.7, np.inf]])
    equal = np.ones(4)
    assert accuracy_cost_front(equal, equal, vectors).tolist() == [2]
    assert accuracy_cost_front(equal[:2], equal[:2], vectors[:2]).tolist() == [1]
    assert accuracy_cost_front(equal[[1, 3]], equal[[1, 3]], vectors[[1, 3]]).tolist() == [1]


def test_the_front_of_many_points_equals_the_front_by_definition() -> None:
    random = np.random.default_rng(0)
    cost = random.integers(1, 5000, size=20_000) / 7.0
    accuracy = np.round(np.sqrt(cost / 800) + 0.3 * random.random(20_000), 2)
    best_by_cost = {}
    for price, worth in zip(cost.tolist(), accuracy.tolist(), strict=True):
        best_by_cost[price] = max(worth, best_by_cost.get(price, -1.0))
    expected, best = [], -1.0
    for price, worth in sorted(best_by_cost.items()):
        if worth > best:
            expected.append((price, worth))
            best = worth
    kept = accuracy_cost_front(accuracy, cost)
    assert list(zip(cost[kept].tolist(), accuracy[kept].tolist(), strict=True)) == expected


def test_thinning_keeps_the_ends_and_leaves_no_gap() -> None:
    cost = np.sort(np.random.default_rng(0).random(5000))
    accuracy = np.sqrt(cost)
    kept = thin(accuracy, cost, 50)
    assert len(kept) <= 50
    assert kept[0] == 0
    assert kept[-1] == 4999
    assert max(np.diff(cost[kept]) + np.diff(accuracy[kept])) < 2.1 * 2 / 49


def test_a_short_front_is_not_thinned() -> None:
    assert thin(np.arange(5.0), np.arange(5.0), 5).tolist() == [0, 1, 2, 3, 4]


def test_the_best_of_two_fronts_holds_the_better_of_each() -> None:
    left = tuned_front(*small_case(0, samples=6, exits=2, distinct=4))
    both = best_of([left, left])
    assert both.thresholds.tolist() == left.thresholds.tolist()


def test_a_sample_leaves_at_the_first_exit_that_is_confident_enough() -> None:
    scores = np.array([[0.2, 0.9, 0.0], [0.8, 0.9, 0.0], [0.2, 0.1, 0.0]], dtype=np.float32)
    assert exit_index((0.5, 0.5), scores).tolist() == [1, 0, 2]


def test_a_threshold_between_two_float32_values_is_compared_exactly() -> None:
    scores = np.full((1, 2), 0.9, dtype=np.float32)
    correct = np.array([[True, False]])
    stored = float(scores[0, 0])
    vectors = [[stored], [stored + 1e-10], [stored - 1e-10], [1e300], [-1e300]]
    outcome = apply_thresholds(vectors, scores, correct, [1.0, 2.0])
    assert outcome.accuracy.tolist() == [1.0, 0.0, 1.0, 0.0, 1.0]


def test_more_vectors_than_fit_at_once_are_all_scored() -> None:
    case = large_case(0, samples=3000, exits=2)
    vectors = np.linspace(0.0, 1.0, 1000)[:, np.newaxis]
    leaves = (case[0][:, 0] >= vectors).mean(axis=1)
    assert apply_thresholds(vectors, *case).cost == pytest.approx(2.0 - leaves)


def test_scores_of_another_precision_are_refused() -> None:
    scores, correct, reach_cost = small_case(0, samples=4, exits=2, distinct=3)
    with pytest.raises(DataError, match="float64"):
        tune_thresholds(scores.astype(np.float64), correct, reach_cost)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(value: float) -> None:
    scores, correct, reach_cost = small_case(0, samples=4, exits=2, distinct=3)
    scores[1, 0] = value
    with pytest.raises(DataError, match="finite"):
        tune_thresholds(scores, correct, reach_cost)


@pytest.mark.parametrize("reach_cost", [[1.0, 1.0], [2.0, 1.0], [0.0, 1.0], [1.0, np.nan]])
def test_a_reach_cost_that_does_not_increase_is_refused(reach_cost: list[float]) -> None:
    scores, correct, _ = small_case(0, samples=4, exits=2, distinct=3)
    with pytest.raises(DataError, match="increasing"):
        tune_thresholds(scores, correct, reach_cost)


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    scores, correct, reach_cost = small_case(0, samples=4, exits=2, distinct=3)
    with pytest.raises(ShapeError, match=r"\(4, 2\), \(3, 2\)"):
        tune_thresholds(scores, correct[:3], reach_cost)
    with pytest.raises(ShapeError, match="exits - 1"):
        apply_thresholds([[0.5, 0.5]], scores, correct, reach_cost)
    with pytest.raises(ShapeError, match="At least one sample"):
        tune_thresholds(scores[:0], correct[:0], reach_cost)


def test_the_prices_start_at_nothing_and_rise() -> None:
    assert prices(10)[0] == 0.0
    assert (np.diff(prices(10)) > 0).all()
