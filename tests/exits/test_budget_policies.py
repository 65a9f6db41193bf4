import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aebnas.errors import DataError
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.shares import conditional, thresholds_from_shares, tilted_to
from aebnas.exits.policies.eenet import LearnedScores
from aebnas.exits.policies.eenet_policy import LearnedScorePolicy, learned_scores
from aebnas.exits.policies.eero import Eero, labelled_half
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.policies.jei import GatePolicy, JeiGates, gate_features
from aebnas.exits.policies.window import WindowCascade, WindowPolicy
from aebnas.exits.targets import Budget
from aebnas.exits.thresholds.logistic import fit_logistic, linear, sigmoid
from aebnas.testing.policies import random_samples

BUDGETS = (1.3, 1.8, 2.5, 3.2, 3.7)
COST = np.array([1.0, 1.7, 2.2, 4.0])


@given(
    weights=st.lists(st.floats(-50, 50), min_size=4, max_size=4),
    budget=st.floats(1.0, 4.0),
)
def test_tilted_shares_cost_the_budget(weights: list[float], budget: float) -> None:
    shares = tilted_to(np.array(weights), COST, budget)
    assert shares.sum() == pytest.approx(1.0)
    assert shares @ COST == pytest.approx(budget, rel=1e-6)


def test_budgets_outside_the_exits_costs_give_one_exit() -> None:
    assert tilted_to(np.zeros(4), COST, 0.2).argmax() == 0
    assert tilted_to(np.zeros(4), COST, 9.0).tolist() == pytest.approx([0, 0, 0, 1])


def test_shares_of_all_become_shares_of_those_that_arrive() -> None:
    assert conditional(np.array([0.25, 0.25, 0.5, 0.0])).tolist() == pytest.approx([0.25, 1 / 3, 1.0])


def test_rounding_up_never_exceeds_the_cost_of_the_shares() -> None:
    scores = np.random.default_rng(0).random((37, 3)).astype(np.float32)
    cuts = thresholds_from_shares([0.31, 0.29], scores, is_rounded_up=True)
    leaves = scores[:, 0] >= cuts[0]
    assert leaves.sum() == 12
    assert (scores[~leaves, 1] >= cuts[1]).sum() == 8


@pytest.mark.parametrize("family", [Eero(), LearnedScores(), WindowCascade()], ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_policy_meets_its_budget_closely(family: PolicyFamily, budget: float) -> None:
    samples = random_samples(0, samples=2000, exits=4, classes=5)
    result = Budget(budget).fit(family, samples)
    assert result.target_check.is_met
    assert budget * 0.98 <= result.target_check.cost <= budget * (1 + 1e-9)


def test_labels_outside_eeros_labelled_half_change_nothing() -> None:
    samples = random_samples(0, samples=501, exits=4, classes=5)
    others = np.setdiff1d(np.arange(501), labelled_half(501))
    labels = samples.labels.copy()
    labels[others] = np.random.default_rng(1).permutation(labels[others])
    assert labels.tolist() != samples.labels.tolist()
    changed = ExitSamples(samples.logits, labels, samples.reach_cost)
    for budget in BUDGETS:
        assert Budget(budget).fit(Eero(), changed).policy == Budget(budget).fit(Eero(), samples).policy


def test_a_small_beta_collapses_onto_two_heads() -> None:
    errors = np.array([0.6, 0.4, 0.3, 0.1])
    sharp, soft = (tilted_to(-errors / beta, COST, 2.0) for beta in (0.001, 1.0))
    assert (sharp > 0.01).sum() == 2
    assert (soft > 0.01).sum() == 4


def test_jei_costs_fall_as_the_price_rises() -> None:
    samples = random_samples(0, samples=1500, exits=5, classes=4)
    prices = (0.1, 0.5, 1.0, 2.0, 5.0)
    costs = [outcome_of(JeiGates().at(samples, price), samples).cost for price in prices]
    assert all(later < earlier for earlier, later in itertools.pairwise(costs))


def test_gates_see_largest_probability_entropy_margin_and_entropy_of_squares() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2]])
    squares = np.array([0.25, 0.09, 0.04]) / 0.38
    wanted = [0.5, 1.0296530, 0.2, float(-(squares * np.log(squares)).sum())]
    assert gate_features(probabilities)[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_a_gate_opens_at_one_half() -> None:
    policy = GatePolicy(((1.0, 0.0, 0.0, 0.0, -0.75),))
    logits = np.log(np.array([[[0.75, 0.25], [0.5, 0.5]], [[0.74, 0.26], [0.5, 0.5]]]))
    assert policy.decide(logits).tolist() == [0, 1]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_gate_whose_target_is_always_the_same_never_wavers(value: float) -> None:
    fitted = fit_logistic(np.random.default_rng(0).random((20, 3)), np.full(20, value))
    assert fitted.tolist() == [0.0, 0.0, 0.0, 2 * value - 1]


def test_the_logistic_fit_balances_prediction_and_target() -> None:
    random = np.random.default_rng(0)
    features = np.concatenate([random.normal(5, 3, (4000, 2)), np.ones((4000, 1))], axis=1)
    truth = np.array([0.8, -0.5, 0.0, -1.0])
    target = (random.random(4000) < sigmoid(linear(features, truth))).astype(np.float64)
    fitted = fit_logistic(features, target)
    assert fitted == pytest.approx(truth, abs=0.25)
    assert sigmoid(linear(features, fitted)).mean() == pytest.approx(target.mean(), abs=1e-4)
    again = fit_logistic(features, target, start=fitted)
    assert again == pytest.approx(fitted, abs=1e-3)


def test_weighting_the_ones_raises_every_prediction() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(500, 1))
    target = (random.random(500) < 0.1).astype(np.float64)
    plain, heavy = (linear(features, fit_logistic(features, target, weight)) for weight in (1.0, 5.0))
    assert (heavy > plain).all()


def test_learned_scores_tell_right_from_wrong_better_than_a_constant() -> None:
    samples = random_samples(0, samples=3000, exits=3, classes=4)
    policy = Budget(1.8).fit(LearnedScores(), samples).policy
    assert isinstance(policy, LearnedScorePolicy)
    other = random_samples(1, samples=3000, exits=3, classes=4)
    scores = learned_scores(other.logits, [np.array(row) for row in policy.weights])
    for i in range(2):
        right = other.correct[:, i]
        assert scores[right, i].mean() > scores[~right, i].mean() + 0.05
        assert scores[:, i].mean() == pytest.approx(right.mean(), abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("coverage", [0.05, 0.5, 0.8, 1.0])
def test_a_window_passes_on_the_share_asked_for(share: float, coverage: float) -> None:
    samples = random_samples(0, samples=4000, exits=2, classes=4)
    policy = WindowCascade(coverage=coverage).at(samples, share)
    other = random_samples(1, samples=4000, exits=2, classes=4)
    assert (policy.decide(samples.logits) == 1).mean() == pytest.approx(share, abs=1e-3)
    assert (policy.decide(other.logits) == 1).mean() == pytest.approx(share, abs=0.03)


def test_samples_outside_the_window_are_decided_as_the_first_exit_would() -> None:
    samples = random_samples(0, samples=2000, exits=3, classes=4)
    cascade = WindowCascade(coverage=0.7)
    policy, alone = cascade.at(samples, 0.2), cascade.at(samples, 0.0)
    outside = policy.decide(samples.logits) == 0
    assert 0.7 < outside.mean() < 0.9
    same = policy.accepts(samples.logits)[outside] == alone.accepts(samples.logits)[outside]
    assert same.all()


def test_a_window_cascade_accepts_the_coverage_asked_for() -> None:
    samples = random_samples(0, samples=3000, exits=3, classes=4)
    for share in (0.0, 0.2, 0.6, 1.0):
        policy = WindowCascade(coverage=0.7).at(samples, share)
        assert policy.accepts(samples.logits).mean() == pytest.approx(0.7, abs=0.01)


def test_an_unbounded_window_passes_everyone() -> None:
    logits = np.zeros((3, 2, 2))
    policy = WindowPolicy("confidence", ((None, None),), (0.0, 0.0))
    assert policy.decide(logits).tolist() == [1, 1, 1]


def test_shares_out_of_range_are_refused() -> None:
    with pytest.raises(DataError, match="coverage"):
        WindowCascade(coverage=1.2)
    with pytest.raises(DataError, match="betas"):
        Eero(betas=(0.0,))
