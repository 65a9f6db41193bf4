import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.scores import predictions, softmax
from aebnas.exits.quality.calibration import decision_calibration, exit_calibration, reliability
from aebnas.exits.quality.selective import (
    area_under_risk_coverage,
    coverage_at_risk,
    failure_auroc,
    risk_coverage,
)
from aebnas.exits.quality.temperature import COLDEST, HOTTEST, fit_temperatures, scaled
from aebnas.testing.policies import random_logits, random_samples, with_costs


def test_the_calibration_error_is_the_gap_weighted_by_count() -> None:
    confidence = np.array([0.55, 0.58, 0.95, 0.98])
    correct = np.array([True, False, True, True])
    bins = reliability(confidence, correct)
    assert bins.error == pytest.approx(0.5 * abs(0.565 - 0.5) + 0.5 * abs(0.965 - 1.0))
    assert sum(bins.count) == 4


def test_the_edge_of_a_bin_belongs_to_the_bin_below() -> None:
    bins = reliability(np.array([0.0, 1 / 3, 1.0]), np.ones(3, np.bool_), bins=3)
    assert bins.count == (2, 0, 1)


def test_temperatures_undo_what_scaled_the_logits() -> None:
    # labels drawn from the probabilities: temperature 1 is right
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, size=(20_000, 2, 4))
    logits[:, 1] = logits[:, 0]
    chances = softmax(logits[:, 0]).cumsum(axis=1)
    labels = (random.random((20_000, 1)) > chances[:, :-1]).sum(axis=1)
    samples = with_costs(scaled(logits, [1 / 2.5, 1 / 0.5]), labels)
    assert fit_temperatures(samples) == pytest.approx([2.5, 0.5], rel=0.03)


def test_a_temperature_lowers_the_likelihood_loss_and_changes_no_answer() -> None:
    samples = random_samples(0, samples=3000, exits=3, classes=4)
    loud = with_costs(4.0 * samples.logits.values, samples.labels)
    quiet = with_costs(scaled(loud.logits.values, fit_temperatures(loud)), samples.labels)
    assert predictions(quiet.logits.values).tolist() == samples.logits.predictions.tolist()
    for i in range(3):
        chosen = np.full(3000, i)
        assert decision_calibration(quiet, chosen).nll < decision_calibration(loud, chosen).nll
        assert decision_calibration(quiet, chosen).ece < decision_calibration(loud, chosen).ece


def test_temperatures_stay_within_their_bounds() -> None:
    perfect = with_costs(np.tile(np.eye(3), (4, 1))[:, np.newaxis] * 5.0, np.tile(np.arange(3), 4))
    useless = with_costs(np.eye(3)[:, np.newaxis] * 5.0, np.array([1, 2, 0]))
    assert COLDEST <= fit_temperatures(perfect)[0] < 1.0
    assert 10.0 < fit_temperatures(useless)[0] <= HOTTEST


@pytest.mark.parametrize("temperatures", [[1.0], [1.0, 0.0], [1.0, np.inf]])
def test_temperatures_that_do_not_fit_are_refused(temperatures: list[float]) -> None:
    with pytest.raises((ShapeError, DataError)):
        scaled(np.zeros((2, 2, 3)), temperatures)


ranked = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 6), min_size=n, max_size=n), st.lists(st.booleans(), min_size=n, max_size=n)
    )
)


@given(case=ranked)
def test_the_area_is_the_mean_risk_over_all_orders_of_equal_scores(
    case: tuple[list[int], list[bool]],
) -> None:
    scores, correct = np.array(case[0]), np.array(case[1])
    random = np.random.default_rng(0)
    areas = []
    for _ in range(200):
        order = np.lexsort([random.random(len(scores)), -scores])
        wrong = np.cumsum(~correct[order])
        areas.append((wrong / np.arange(1, len(scores) + 1)).mean())
    # wide: a mean of 200 draws
    assert area_under_risk_coverage(scores, correct) == pytest.approx(np.mean(areas), abs=0.08)


def test_risk_is_counted_at_distinct_scores_alone() -> None:
    coverage, risk = risk_coverage(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]))
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0.0, 1 / 3, 0.5])


def test_coverage_at_risk_is_the_largest_within() -> None:
    scores = np.arange(100, 0, -1)
    correct = np.ones(100, np.bool_)
    correct[[0, 40]] = False  # the most confident is wrong: the risk starts at 1
    assert coverage_at_risk(scores, correct) == 1.0
    correct[60:] = False
    assert coverage_at_risk(scores, correct) == pytest.approx(0.61)
    assert coverage_at_risk(np.zeros(4), np.array([True, True, True, False])) == 0.0


@given(case=ranked)
def test_failure_auroc_is_sklearns(case: tuple[list[int], list[bool]]) -> None:
    scores, correct = np.array(case[0]), np.array(case[1])
    if correct.all() or not correct.any():
        assert np.isnan(failure_auroc(scores, correct))
    else:
        assert failure_auroc(scores, correct) == pytest.approx(roc_auc_score(correct, scores))


def test_likelihood_and_brier_are_those_of_the_decisions_taken() -> None:
    samples = random_samples(0, samples=50, exits=3, classes=4)
    chosen = np.arange(50) % 3
    taken = softmax(samples.logits.values[np.arange(50), chosen])
    report = decision_calibration(samples, chosen)
    one_hot = np.eye(4)[samples.labels]
    assert report.nll == pytest.approx(log_loss(samples.labels, taken, labels=range(4)))
    assert report.brier == pytest.approx(((taken - one_hot) ** 2).sum(axis=1).mean())
    assert report.accuracy == pytest.approx((taken.argmax(axis=1) == samples.labels).mean())


def test_those_that_arrive_are_those_that_have_not_left() -> None:
    samples = random_samples(0, samples=60, exits=3, classes=4)
    reports = exit_calibration(samples, np.repeat([0, 1, 2], 20))
    assert [report.all_samples.samples for report in reports] == [60, 60, 60]
    assert [report.arriving.samples for report in reports] == [60, 40, 20]
    assert reports[1].arriving.accuracy == pytest.approx(samples.correct[20:, 1].mean())
    assert reports[0].arriving.to_dict() == reports[0].all_samples.to_dict()


def test_an_exit_where_nobody_arrives_has_an_empty_report_that_survives_json() -> None:
    logits, labels = random_logits(0, samples=10, exits=2, classes=3)
    empty = exit_calibration(with_costs(logits, labels), np.zeros(10, np.int64))[1].arriving
    assert empty.samples == 0
    data = json.loads(json.dumps(empty.to_dict(), allow_nan=False))
    assert data["ece"] is None
    assert data["reliability"]["count"] == [0] * 15


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError):
        reliability(np.zeros(3), np.zeros(2, np.bool_))
    with pytest.raises(ShapeError):
        failure_auroc(np.zeros(0), np.zeros(0, np.bool_))
