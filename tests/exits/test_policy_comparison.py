"""Policies side by side: fitted on some samples, counted on others, with bands."""

import numpy as np
import pytest

from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.families import FAMILIES
from aebnas.exits.quality.comparison import SHARES, Comparison, bootstrap_interval, compare


def samples(seed: int, count: int = 300) -> ExitSamples:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    logits = rng.normal(size=(count, 3, 4))
    for i, skill in enumerate((1.0, 1.8, 2.6)):
        logits[np.arange(count), i, labels] += skill
    return ExitSamples.of(logits.astype(np.float32), labels, [1.0, 2.0, 4.0])


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare({name: make() for name, make in FAMILIES.items()}, samples(0), samples(1, 200))


def test_every_family_has_every_budget(comparison: Comparison) -> None:
    assert [one.name for one in comparison.families] == list(FAMILIES)
    assert {tuple(p.share for p in one.points) for one in comparison.families} == {SHARES}


def test_accuracies_lie_within_their_intervals(comparison: Comparison) -> None:
    rows = [row for one in comparison.families for row in one.curve]
    assert rows
    assert all(low <= accuracy <= high for _, accuracy, low, high in rows)


def test_figures_are_counted_on_the_scoring_samples(comparison: Comparison) -> None:
    assert (comparison.fitted_on, comparison.scored_on) == (300, 200)
    counts = {round(row[1] * 200, 6) % 1 for one in comparison.families for row in one.curve}
    assert counts == {0.0}
    assert {one.plain.samples for one in comparison.exits} == {200}


def test_the_labels_of_the_scoring_samples_change_no_cost(comparison: Comparison) -> None:
    scoring = samples(1, 200)
    blind = ExitSamples(scoring.logits, (scoring.labels + 1) % 4, scoring.reach_cost)
    other = compare({name: make() for name, make in FAMILIES.items()}, samples(0), blind)
    assert [[p.cost for p in one.points] for one in other.families] == [
        [p.cost for p in one.points] for one in comparison.families
    ]


def test_the_baseline_gains_nothing_on_itself(comparison: Comparison) -> None:
    assert {(p.gain_low, p.gain_high) for p in comparison.families[0].points} == {(0.0, 0.0)}


def test_a_policy_that_errs_everywhere_lies_below_the_baseline() -> None:
    names = ("confidence", "patience")
    result = compare({name: FAMILIES[name]() for name in names}, samples(0), samples(1))
    patience = result.families[1].points[-1]
    assert (
        patience.gain_low <= patience.accuracy - result.families[0].points[-1].accuracy <= patience.gain_high
    )


def test_temperatures_change_no_answer(comparison: Comparison) -> None:
    assert all(one.plain.accuracy == one.scaled.accuracy for one in comparison.exits)
    assert any(one.plain.ece != one.scaled.ece for one in comparison.exits)


@pytest.mark.parametrize(("right", "images"), [(0, 50), (45, 50), (50, 50), (480, 500)])
def test_the_interval_is_that_of_resampling(right: int, images: int) -> None:
    answers = np.arange(images) < right
    rng = np.random.default_rng(0)
    means = rng.choice(answers, (4000, images)).mean(axis=1)
    expected = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(bootstrap_interval(right / images, images), expected, atol=1.01 / images)
