"""The regressions behind the surrogate: one contract for all."""

import warnings

import numpy as np
import pytest

from aebnas.search.proposers.surrogate.fitting import choose, mean_tau
from aebnas.search.proposers.surrogate.models import MODELS, fit_standardised, quiet_and_single

RNG = np.random.default_rng(0)
X = RNG.random((40, 6))
Y = np.column_stack([X[:, 0] + 0.5 * X[:, 1], X[:, 0] - X[:, 2]])


@pytest.mark.parametrize("name", MODELS)
class TestRegressionContract:
    def test_it_ranks_rows_that_it_has_not_seen(self, name: str) -> None:
        predict = fit_standardised(MODELS[name], X[:30], Y[:30], 0)
        assert mean_tau(predict(X[30:]), Y[30:]) > 0.3

    def test_it_is_decided_by_its_seed(self, name: str) -> None:
        first, second = (fit_standardised(MODELS[name], X, Y, 5)(X) for _ in range(2))
        assert np.array_equal(first, second)

    def test_constant_features_and_outputs_do_no_harm(self, name: str) -> None:
        rows = np.column_stack([X, np.ones(len(X))])
        outputs = np.column_stack([Y[:, 0], np.full(len(Y), 0.25)])
        predicted = fit_standardised(MODELS[name], rows, outputs, 0)(rows)
        assert np.isfinite(predicted).all()
        assert predicted[:, 1] == pytest.approx(0.25, abs=1e-6)

    def test_nothing_that_a_library_warns_of_reaches_the_user(self, name: str) -> None:
        few = np.repeat(X[:2], 4, axis=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            choose([name], few, np.repeat(Y[:2], 4, axis=0), 0)
        assert caught == []


def test_the_model_with_the_best_tau_outside_its_folds_is_chosen() -> None:
    jumps = np.column_stack([np.where(X[:, 0] > 0.5, 1.0, 0.0) * np.where(X[:, 1] > 0.5, 1.0, -1.0)])
    alone = {name: choose([name], X, jumps, 1).tau for name in MODELS}
    assert choose(list(MODELS), X, jumps, 1).model == max(alone, key=lambda name: alone[name])


def test_noise_has_no_tau_outside_the_folds() -> None:
    noise = np.random.default_rng(3).random((60, 1))
    assert choose(["gp"], RNG.random((60, 6)), noise, 0).tau < 0.25


def test_the_deviation_of_noise_is_that_of_the_noise() -> None:
    noise = np.random.default_rng(4).normal(0, 0.1, (80, 1))
    assert choose(["ridge"], RNG.random((80, 3)), noise, 0).deviation[0] == pytest.approx(0.1, rel=0.3)


def test_a_constant_prediction_ranks_nothing() -> None:
    with quiet_and_single():
        assert mean_tau(np.ones((5, 1)), np.arange(5.0)[:, None]) == 0.0
