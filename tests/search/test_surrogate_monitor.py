"""When the surrogate is switched off, and on again."""

import numpy as np
import pytest

from aebnas.config.sections.surrogate import SurrogateConfig
from aebnas.search.proposers.surrogate.monitor import PLAIN, SURROGATE, ObservedPrediction, SurrogateMonitor

OPTIONS = SurrogateConfig(window=2, rest=2)


def observations(
    generation: int, source: str, error: float, observed: float, gain: float
) -> ObservedPrediction:
    predicted = np.asarray([error])
    return ObservedPrediction(
        generation,
        f"{error}",
        source,
        predicted,
        predicted - 0.1,
        predicted + 0.1,
        np.asarray([observed]),
        gain,
    )


def generation(
    number: int, sign: int = 1, ours: float = 0.2, theirs: float = 0.1
) -> list[ObservedPrediction]:
    """Return four candidates of each side; errors come as predicted, or in reverse."""
    errors = [0.1 * i for i in range(1, 9)]
    sources = [SURROGATE] * 4 + [PLAIN] * 4
    return [
        observations(number, source, error, 0.5 + sign * error / 2, ours if source == SURROGATE else theirs)
        for error, source in zip(errors, sources, strict=True)
    ]


def test_it_begins_switched_on() -> None:
    assert SurrogateMonitor(OPTIONS).decide(2) == (True, "on")


def test_it_stays_on_where_its_candidates_gain_more() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add(generation(2))
    assert monitor.decide(3) == (True, "gains more than plain NSGA-II with chance 1.00")


def test_it_is_off_while_what_it_predicts_is_wrong_and_on_when_that_has_passed() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add(generation(2, sign=-1))
    assert monitor.decide(3) == (False, "tau -1.00 is below 0")
    monitor.add(generation(3))
    monitor.add(generation(4))
    assert monitor.decide(5)[0]


def test_it_rests_where_plain_nsga2_gains_more_and_is_then_tried_again() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add(generation(2, ours=0.0))
    first, second, third = (monitor.decide(number) for number in (3, 4, 5))
    reason = "plain NSGA-II gained more (chance 0.00); tried again in generation 5"
    assert (first, second, third[0]) == ((False, reason), (False, reason), True)


def test_equal_gains_do_not_switch_it_off() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add(generation(2, ours=0.0, theirs=0.0))
    assert monitor.chance(3) == 0.5
    assert monitor.decide(3)[0]


def test_too_few_candidates_decide_nothing() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add(generation(2, sign=-1, ours=0.0)[2:5])
    assert (monitor.tau(3), monitor.chance(3)) == (None, None)


def test_calibration_tells_the_bias_and_what_was_within_the_intervals() -> None:
    monitor = SurrogateMonitor(OPTIONS)
    monitor.add([observations(2, PLAIN, 0.2, 0.25, 0.0), observations(2, PLAIN, 0.2, 0.45, 0.0)])
    assert monitor.calibration(3) == pytest.approx((0.15, 0.5))
