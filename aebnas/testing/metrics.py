"""What every metric must hold to.  Must not import torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from aebnas.task.metrics.inputs import Answers, Costs, Point
from aebnas.task.metrics.metric import Metric, OfAnswers
from aebnas.testing.contract import Contract

NAME = "under_test"
PROFILE = "board"
CASES = 20


class MetricContract(Contract):
    """Laws of a metric, on made-up networks and answers."""

    @abstractmethod
    def metric(self) -> Metric:
        """Return the metric."""

    def test_it_says_what_it_is(self) -> None:
        """Reports name it in running text, and help ends in no full stop."""
        assert self.metric().word.strip() == self.metric().word != ""
        assert self.metric().help.strip() == self.metric().help != ""

    def test_its_value_is_a_finite_number_and_always_the_same(self) -> None:
        """A search can neither compare nor store anything else, and a resumed one must get it again."""
        for point in self._points():
            value = self.metric().at(point, self._name())
            assert isinstance(value, float)
            assert np.isfinite(value)
            assert value == self.metric().at(point, self._name())

    def test_a_share_lies_between_0_and_1(self) -> None:
        """It is read as a percentage, and drawn on such an axis."""
        for point in self._points():
            assert not self.metric().is_share or 0 <= self.metric().at(point, self._name()) <= 1

    def test_its_value_lies_in_the_span_that_costs_tell_before_training(self) -> None:
        """What is beyond the limits is refused before it is trained: the span must not lie."""
        for point in self._points():
            span = self.metric().span(point.costs, self._name())
            assert (span is None) == self.metric().is_learned
            if span is not None:
                slack = 1e-9 * max(map(abs, span))
                assert span[0] - slack <= self.metric().at(point, self._name()) <= span[1] + slack
                assert not self.metric().is_exact or span[0] == span[1]

    def test_what_is_minimised_is_better_where_the_value_is(self) -> None:
        """The search minimises: less is better, or the distance from the highest."""
        values = sorted(self.metric().at(point, self._name()) for point in self._points())
        minimised = [self.metric().minimised(value) for value in values]
        assert minimised == sorted(minimised, reverse=self.metric().highest is not None)

    def test_what_is_minimised_lies_between_0_and_the_worst(self) -> None:
        """The hypervolume is that of the box between 0 and the worst."""
        points = list(self._points())
        spans = [self.metric().span(point.costs, self._name()) for point in points]
        worst = self.metric().worst_of(max((span[1] for span in spans if span is not None), default=None))
        for point in points:
            assert 0 <= self.metric().minimised(self.metric().at(point, self._name())) <= worst

    def _name(self) -> str:
        return f"{NAME}@{PROFILE}" if self.metric().is_of_device else NAME

    def _points(self) -> Iterator[Point]:
        """Yield operating points of made-up networks, also of one exit, of one class, of one sample."""
        for seed in range(CASES):
            rng = np.random.default_rng(seed)
            exits, samples, classes = (int(rng.integers(1, most)) for most in (5, 60, 6))
            given = self._answers(rng, samples, exits, classes + 1)
            rates = np.bincount(given.exits, minlength=exits) / samples
            measured = {NAME: metric.measure(given)} if isinstance(metric := self.metric(), OfAnswers) else {}
            accuracy = float((given.labels == given.answers).mean())
            yield Point(_costs(rng, exits), accuracy, rates, measured=measured)

    @staticmethod
    def _answers(rng: np.random.Generator, samples: int, exits: int, classes: int) -> Answers:
        labels, answers = rng.integers(classes, size=(2, samples))
        answers = np.where(rng.random(samples) < 0.6, labels, answers)
        logits = rng.normal(size=(samples, classes)).astype(np.float32)
        logits[np.arange(samples), answers] += 5
        return Answers(labels, answers, rng.integers(exits, size=samples), logits)


def _costs(rng: np.random.Generator, exits: int) -> Costs:
    names = ("macs", *(f"{quantity}@{PROFILE}" for quantity in ("latency_ms", "energy_mj")))
    reach = {name: np.cumsum(rng.uniform(1e3, 1e6, exits)).tolist() for name in names}
    return Costs(reach, int(rng.integers(1, 10**7)), int(rng.integers(1, 10**7)))
