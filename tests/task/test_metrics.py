"""Metrics: what they compute, and the laws that every entry of the table keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from aebnas.task.metrics.answers import balanced_accuracy, macro_f1
from aebnas.task.metrics.inputs import Answers, Costs, Point
from aebnas.task.metrics.metric import OfAnswers, OfPoint
from aebnas.task.metrics.table import METRICS, metric_of

COSTS = Costs({"macs": (10.0, 30.0), "latency_ms@board": (1.0, 4.0), "energy_mj@board": (2.0, 5.0)}, 7, 99)
RIGHT = np.array([0, 1, 2, 1])


def answers(labels: list[int], given: list[int]) -> Answers:
    return Answers(np.array(labels), np.array(given), np.zeros(len(labels), np.int64))


def point(rates: tuple[float, float]) -> Point:
    scores = {
        name: metric.measure(answers([0, 1], [0, 0]))
        for name, metric in METRICS.items()
        if isinstance(metric, OfAnswers)
    }
    return Point(COSTS, accuracy=0.75, exit_rates=np.array(rates), measured=scores)


def full(name: str) -> str:
    return f"{name}@board" if METRICS[name].is_of_device else name


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)


@given(pairs)
@pytest.mark.filterwarnings("ignore")
def test_balanced_accuracy_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, given_answers = map(list, zip(*pairs, strict=True))
    expected = balanced_accuracy_score(labels, given_answers)
    assert balanced_accuracy(answers(labels, given_answers)) == pytest.approx(expected)


@given(pairs)
@pytest.mark.filterwarnings("ignore")
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, given_answers = map(list, zip(*pairs, strict=True))
    expected = f1_score(labels, given_answers, average="macro", zero_division=0)
    assert macro_f1(answers(labels, given_answers)) == pytest.approx(expected)


def test_answers_that_are_all_right_score_1() -> None:
    right = Answers(RIGHT, RIGHT, np.zeros(4, np.int64))
    assert (balanced_accuracy(right), macro_f1(right)) == (1.0, 1.0)


@pytest.mark.parametrize("name", METRICS)
def test_a_value_lies_in_the_span_that_is_told_before_training(name: str) -> None:
    value, span = (
        metric_of(full(name)).at(point((0.25, 0.75)), full(name)),
        METRICS[name].span(COSTS, full(name)),
    )
    assert METRICS[name].is_learned == (span is None)
    low, high = span or (0.0, 1.0)
    assert low <= value <= high


@pytest.mark.parametrize("name", METRICS)
def test_what_a_search_minimises_is_never_beyond_the_worst(name: str) -> None:
    metric = METRICS[name]
    span = metric.span(COSTS, full(name))
    worst = metric.worst_of(None if span is None else span[1])
    assert 0 <= metric.minimised(metric.at(point((0.25, 0.75)), full(name))) <= worst


def test_an_expected_cost_is_the_mean_over_where_samples_leave() -> None:
    assert METRICS["macs"].at(point((0.25, 0.75)), "macs") == 0.25 * 10 + 0.75 * 30
    assert METRICS["worst_latency_ms"].at(point((1.0, 0.0)), "worst_latency_ms@board") == 4.0


def test_a_metric_of_training_that_is_no_share_must_name_its_worst_value() -> None:
    with pytest.raises(ValueError, match="the metric 'calibration error' is no share, so it needs its worst"):
        OfPoint(word="calibration error", help="how far confidences are off", read=lambda _: 0.1)
    bounded = OfPoint(word="nats", help="loss", worst=5.0, read=lambda _: 0.1)
    assert bounded.worst_of(None) == 5.0
