"""Ways to find threshold vectors worth having on calibration samples.

Must not import torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray
from aebnas.exits.core.front import ScoredThresholds
from aebnas.exits.core.outcome import apply_thresholds
from aebnas.exits.thresholds.optuna_tuner import tune_with_optuna
from aebnas.exits.thresholds.smoothing import smoothed_correctness
from aebnas.exits.thresholds.tuner import tuned_front


class Tuner(Protocol):
    """Finds the non-dominated threshold vectors of one score."""

    def front(self, scores: ScoreArray, good: BoolArray, reach_cost: FloatArray) -> ScoredThresholds:
        """Return the vectors with what they are worth in the tuner's estimate, by increasing cost.

        Args:
            scores: Shape ``(N, E)``, float32.
            good: Is leaving at exit e fine for sample n, shape ``(N, E)``.
            reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.
        """


@dataclass(frozen=True)
class ExactTuner:
    """The whole front at once, in a smoothed estimate of what each exit's answer is worth.

    Attributes:
        max_vectors: Size of the largest grid, in threshold vectors.
    """

    max_vectors: int = 2_000_000

    def front(self, scores: ScoreArray, good: BoolArray, reach_cost: FloatArray) -> ScoredThresholds:
        """Return the front; deterministic."""
        worth = smoothed_correctness(scores, good)
        # an exit that is always fine needs no estimate, and the logistic model has none
        worth[:, good.all(axis=0)] = 1.0
        return tuned_front(scores, worth, reach_cost, self.max_vectors)


@dataclass(frozen=True)
class OptunaTuner:
    """NSGA-II of Optuna on plain counts, for comparison.

    Attributes:
        trials: Threshold vectors that are tried.
        seed: Of its sampler.
    """

    trials: int = 1000
    seed: int = 0

    def front(self, scores: ScoreArray, good: BoolArray, reach_cost: FloatArray) -> ScoredThresholds:
        """Return the best of those tried."""
        thresholds = tune_with_optuna(scores, good, reach_cost, self.trials, self.seed)
        outcomes = apply_thresholds(thresholds, scores, good, reach_cost)
        return ScoredThresholds(thresholds, outcomes.accuracy, outcomes.cost)


EXACT = ExactTuner()
TUNERS: dict[str, Callable[..., Tuner]] = {"exact": ExactTuner, "optuna": OptunaTuner}
"""By name; each is made of its options, by name."""
