"""EERO: spread the samples over the exits so that the mean cost meets a budget.

Shares ``pi_k`` proportional to ``exp(-(R_k + lambda C_k) / beta)`` with the head errors ``R_k``
and ``lambda`` such that ``sum pi_k C_k`` is the budget; the threshold at exit k lets the most confident
``pi_k / sum_{j >= k} pi_j`` of those that arrive leave.  ``beta`` is scanned: a small one
collapses onto two heads.

Labels of one half of the samples give the head errors and choose ``beta``; the thresholds are
quantiles of scores and see no label at all, so the labels of the other half change nothing.
Promise: mean cost close to the budget.
Source: arXiv 2402.03779, reconstructed.

Must not import torch.
"""

from dataclasses import dataclass

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from aebnas.exits.core.outcome import exit_index
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import check_score
from aebnas.exits.core.shares import conditional, thresholds_from_shares, tilted_to
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.policies.family import PolicyFamily, front_of

_SPLIT_SEED = 1


@dataclass(frozen=True)
class Eero(PolicyFamily):
    """EERO for one score.

    Attributes:
        score: A key of ``SCORES``.
        betas: Softness of the shares, in units of the error rate, scanned; all positive.
        max_points: Budgets on the path.
    """

    score: str = "confidence"
    betas: tuple[float, ...] = (0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
    max_points: int = 40

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: A beta is not positive, there is none, or the score is unknown.
        """
        check_score(self.score)
        if not self.betas or not all(beta > 0 for beta in self.betas):
            raise DataError(f"`betas` must be positive numbers, but got {list(self.betas)}.")

    def at(self, samples: ExitSamples, good: BoolArray, budget: float) -> ThresholdPolicy:
        """Return the policy of one budget, in the unit of the reach cost."""
        scores = samples.logits.scores(self.score)
        labelled = labelled_half(len(samples))
        known_scores, known_good = scores[labelled], good[labelled]
        errors = 1.0 - known_good.mean(axis=0)
        tried = [
            _thresholds(scores, tilted_to(-errors / beta, samples.reach_cost, budget)) for beta in self.betas
        ]
        rows = np.arange(len(labelled))
        value = [known_good[rows, exit_index(vector, known_scores)].mean() for vector in tried]
        best = tried[int(np.argmax(value))]
        return ThresholdPolicy(self.score, tuple(best.tolist()))

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the policies of budgets between the first and the last exit's cost."""
        budgets = np.linspace(samples.reach_cost[0], samples.reach_cost[-1], self.max_points)
        return front_of([self.at(samples, good, float(budget)) for budget in budgets], samples, good)

    def within(self, samples: ExitSamples, max_cost: float) -> ExitPolicy | None:
        """Return the policy of the budget asked for."""
        return self.at(samples, samples.correct, max_cost)


def labelled_half(samples: int) -> IntArray:
    """Return the positions of the samples whose labels EERO sees, ascending; at least one."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(samples)
    return np.sort(order[: (samples + 1) // 2])


def _thresholds(scores: ScoreArray, shares: FloatArray) -> FloatArray:
    return thresholds_from_shares(conditional(shares), scores, is_rounded_up=True)
