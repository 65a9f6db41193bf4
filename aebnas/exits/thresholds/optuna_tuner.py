"""Thresholds by Optuna: NSGA-II over the share of arriving samples that leave at each exit.

The second opinion beside the exact tuner, and the pattern for policies without its structure.
Optuna is imported on use: it takes a quarter of a second.

Must not import torch.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray, check_samples
from aebnas.exits.core.front import accuracy_cost_front
from aebnas.exits.core.outcome import apply_thresholds
from aebnas.exits.core.shares import thresholds_from_shares

if TYPE_CHECKING:
    import optuna


def tune_with_optuna(
    scores: ScoreArray, correct: BoolArray, reach_cost: npt.ArrayLike, trials: int = 1000, seed: int = 0
) -> FloatArray:
    """Return the non-dominated threshold vectors among ``trials`` proposals of NSGA-II.

    Args:
        scores: Shape ``(N, E)``, float32.
        correct: Is the answer of exit e right for sample n, shape ``(N, E)``.
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.
        trials: Number of threshold vectors tried, at least 1.
        seed: Seed of the sampler; the same seed gives the same thresholds.

    Returns:
        Thresholds, shape ``(P, E - 1)``, by increasing cost on these samples.

    Raises:
        ShapeError: The arrays do not fit together, or there is no sample.
        DataError: NaN, a cost that is not increasing, or no trials.
    """
    cost = check_samples(scores, correct, reach_cost)
    if trials < 1:
        raise DataError(f"`trials >= 1` must hold, but got {trials}.")
    if cost.size == 1:
        return np.zeros((1, 0))
    tried = _propose(scores, correct, cost, trials, seed)
    outcome = apply_thresholds(tried, scores, correct, cost)
    return tried[accuracy_cost_front(outcome.accuracy, outcome.cost, tried)]


def _propose(
    scores: ScoreArray, correct: BoolArray, reach_cost: FloatArray, trials: int, seed: int
) -> FloatArray:
    """Run the study and return every threshold vector it tried, shape ``(trials, E - 1)``."""
    import optuna

    tried: list[FloatArray] = []

    def objective(trial: "optuna.Trial") -> tuple[float, float]:
        shares = [trial.suggest_float(f"share{i}", 0.0, 1.0) for i in range(len(reach_cost) - 1)]
        tried.append(thresholds_from_shares(shares, scores))
        outcome = apply_thresholds(tried[-1][np.newaxis], scores, correct, reach_cost)
        return float(outcome.accuracy[0]), float(outcome.cost[0])

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.NSGAIISampler(seed=seed)
            study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
            study.optimize(objective, n_trials=trials)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return np.array(tried)
