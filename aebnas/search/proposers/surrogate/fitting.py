"""Which model to believe: chosen by Kendall's tau on rows that it was not fitted on.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from aebnas.search.proposers.surrogate.models import MODELS, Predict, fit_standardised, quiet_and_single

FloatArray = NDArray[np.float64]
FOLDS = 3
TAU_DIGITS = 9
"""Predictions are rounded to so many decimals: what two processors disagree about decides nothing."""


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A model for one quantity, with what is known of its quality."""

    model: str
    """Its name in ``MODELS``."""
    tau: float
    """Kendall's tau between predictions for rows left out and what was measured, mean over outputs."""
    deviation: FloatArray
    """Root mean square of those predictions' errors; shape ``(outputs,)``."""
    predict: Predict

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Return predictions of shape ``(n, outputs)`` for rows ``(n, features)``."""
        with quiet_and_single():
            return np.round(self.predict(rows), TAU_DIGITS)


def choose(
    names: Sequence[str],
    x: FloatArray,
    y: FloatArray,
    seed: int,
    in_units: Callable[[FloatArray], FloatArray] = lambda values: values,
) -> FittedModel:
    """Fit the model that predicts best what it has not seen.

    Args:
        names: Models to choose among; of equal ones the first.
        x: Features, shape ``(n, features)``, n >= 4.
        y: Outputs, shape ``(n, outputs)``.
        seed: Of the folds and of the models.
        in_units: Turns outputs of these rows into the quantity whose ranks count.
    """
    folds = np.random.default_rng(seed).permutation(len(x)) % min(FOLDS, len(x))
    with quiet_and_single():
        outside = {name: _out_of_fold(name, x, y, folds, seed) for name in names}
        taus = {name: mean_tau(in_units(outside[name]), in_units(y)) for name in names}
        best = max(names, key=lambda name: taus[name])
        deviation = np.sqrt(np.square(outside[best] - y).mean(0))
        return FittedModel(best, taus[best], deviation, fit_standardised(MODELS[best], x, y, seed))


def mean_tau(predicted: FloatArray, observed: FloatArray) -> float:
    """Return Kendall's tau-b, averaged over the outputs that vary; 0 where none does.

    Args:
        predicted: Shape ``(n, outputs)``; a constant prediction ranks nothing and counts 0.
        observed: Shape ``(n, outputs)``.
    """
    with quiet_and_single():
        taus = [
            float(kendalltau(a, b).statistic)
            for a, b in zip(np.round(predicted, TAU_DIGITS).T, np.round(observed, TAU_DIGITS).T, strict=True)
            if len(b) > 1 and np.ptp(b) > 0
        ]
    return float(np.mean(np.nan_to_num(taus))) if taus else 0.0


def _out_of_fold(name: str, x: FloatArray, y: FloatArray, folds: NDArray[np.int64], seed: int) -> FloatArray:
    predicted = np.empty_like(y)
    for fold in np.unique(folds):
        is_out = folds == fold
        predicted[is_out] = fit_standardised(MODELS[name], x[~is_out], y[~is_out], seed)(x[is_out])
    return predicted
