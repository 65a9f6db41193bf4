"""Regressions of scikit-learn, each behind the same two calls: fit, then predict.

Every one takes standardised rows and several outputs at once, is seeded, keeps to one
thread and says nothing.  Hyperparameters are picked from short grids by likelihood or by
leaving one out: an optimiser would make small differences of rounding large ones.
Must not import torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from threadpoolctl import threadpool_limits

FloatArray = NDArray[np.float64]
Predict = Callable[[FloatArray], FloatArray]
FitModel = Callable[[FloatArray, FloatArray, int], Predict]
"""Takes rows ``(n, features)``, outputs ``(n, outputs)``, a seed."""

LENGTHS = (0.5, 1.0, 2.0)
"""Length scales of the kernels, in units of the square root of the number of features."""
NOISES = (0.01, 0.1, 0.4)
"""Variances of the noise, as shares of an output's variance."""
COMPONENTS = 2
"""Directions of the outputs that trees are grown for; outputs of one curve are nearly collinear."""


@contextmanager
def quiet_and_single() -> Iterator[None]:
    """Hold numerical libraries to one thread, and their warnings back from the user."""
    with threadpool_limits(1), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def fit_gp(x: FloatArray, y: FloatArray, seed: int) -> Predict:
    """Return a Gaussian process (Matern 5/2) of the largest marginal likelihood on a grid."""
    root = np.sqrt(x.shape[1])
    grid = [
        GaussianProcessRegressor(Matern(length * root, nu=2.5), alpha=noise, optimizer=None).fit(x, y)
        for length in LENGTHS
        for noise in NOISES
    ]
    best = max(grid, key=lambda regressor: float(np.sum(regressor.log_marginal_likelihood_value_)))
    return lambda rows: best.predict(rows)


def fit_gbt(x: FloatArray, y: FloatArray, seed: int) -> Predict:
    """Return gradient-boosted trees on the leading directions of the outputs."""
    _, _, directions = np.linalg.svd(y, full_matrices=False)
    directions = directions[:COMPONENTS]
    trees = [
        GradientBoostingRegressor(
            n_estimators=30, learning_rate=0.2, max_depth=3, min_samples_leaf=3, subsample=0.8,
            max_features=0.3, random_state=seed,
        ).fit(x, y @ direction)
        for direction in directions
    ]  # fmt: skip
    return lambda rows: np.stack([tree.predict(rows) for tree in trees], axis=1) @ directions


def fit_ridge(x: FloatArray, y: FloatArray, seed: int) -> Predict:
    """Return a linear regression whose penalty leaves single rows out best."""
    model = RidgeCV(alphas=np.logspace(-1, 3, 9)).fit(x, y)
    return lambda rows: model.predict(rows)


def fit_rbf(x: FloatArray, y: FloatArray, seed: int) -> Predict:
    """Return a kernel ridge regression (Gaussian radial basis), its width and penalty by leaving one out."""
    distances = cdist(x, x, "sqeuclidean")
    best, lowest = (1.0, 1.0), np.inf
    for length in LENGTHS:
        gamma = 0.5 / (length**2 * x.shape[1])
        values, vectors = np.linalg.eigh(np.exp(-gamma * distances))
        for noise in NOISES:
            inverse = (vectors / (np.maximum(values, 0) + noise)) @ vectors.T
            error = float(np.square((inverse @ y) / np.diag(inverse)[:, None]).sum())
            if error < lowest:
                best, lowest = (gamma, noise), error
    model = KernelRidge(kernel="rbf", gamma=best[0], alpha=best[1]).fit(x, y)
    return lambda rows: model.predict(rows)


MODELS: dict[str, FitModel] = {"gp": fit_gp, "gbt": fit_gbt, "ridge": fit_ridge, "rbf": fit_rbf}
"""By the names of ``search.surrogate``."""


def fit_standardised(fit: FitModel, x: FloatArray, y: FloatArray, seed: int) -> Predict:
    """Return a prediction in the units of ``y`` by a model that sees mean 0 and variance 1.

    Columns that do not vary are left out.
    """
    varies = x.std(0) > 1e-12
    centre, width = x[:, varies].mean(0), x[:, varies].std(0)
    mean, scale = y.mean(0), y.std(0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    if not varies.any() or np.ptp(y, axis=0).max(initial=0.0) <= 1e-12:
        return lambda rows: np.tile(mean, (len(rows), 1))
    model = fit((x[:, varies] - centre) / width, (y - mean) / scale, seed)
    return lambda rows: model((rows[:, varies] - centre) / width).reshape(len(rows), -1) * scale + mean
