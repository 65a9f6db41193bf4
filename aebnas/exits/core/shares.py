"""From the share of samples wanted at each exit to thresholds; no labels needed.

Must not import torch.
"""

import math

import numpy as np
import numpy.typing as npt

from aebnas.exits.core.arrays import FloatArray, ScoreArray

_STEEPEST = 1e4  # tilt per relative cost at which only the cheapest or the most expensive exit is left


def tilted_to(log_weights: FloatArray, reach_cost: FloatArray, budget: float) -> FloatArray:
    """Return shares proportional to ``exp(log_weights - lambda * cost)`` whose mean cost is the budget.

    Args:
        log_weights: ``(E,)``, finite.
        reach_cost: ``(E,)``, increasing.
        budget: Mean cost; below the first exit's all leave there, above the last's none early.

    Returns:
        Shares, ``(E,)``, sum to 1.
    """
    relative = reach_cost / reach_cost[-1]
    goal = float(np.clip(budget / reach_cost[-1], relative[0], relative[-1]))

    def shares(price: float) -> FloatArray:
        exponent = log_weights - price * relative
        weights = np.exp(exponent - exponent.max())
        scaled: FloatArray = weights / weights.sum()
        return scaled

    def surplus(price: float) -> float:
        return float(shares(price) @ relative) - goal

    limit = _STEEPEST * (1.0 + float(np.ptp(log_weights)))
    if surplus(-limit) <= 0:
        return shares(-limit)
    if surplus(limit) >= 0:
        return shares(limit)
    from scipy.optimize import brentq  # 0.3 s: where it is needed alone

    price = float(brentq(surplus, -limit, limit, xtol=1e-12, rtol=1e-14))
    return shares(price)


def conditional(shares: FloatArray) -> FloatArray:
    """Return the share of arriving samples that leave, ``(E - 1,)``, from shares of all ``(E,)``."""
    arriving = np.cumsum(shares[::-1])[::-1][:-1]
    return np.clip(shares[:-1] / np.where(arriving > 0, arriving, 1.0), 0.0, 1.0)


def thresholds_from_shares(
    shares: npt.ArrayLike, scores: ScoreArray, *, is_rounded_up: bool = False
) -> FloatArray:
    """Return the thresholds at which the given shares of arriving samples leave.

    Args:
        shares: Per exit the share, 0 to 1, of the samples arriving there that leave, shape
            ``(E - 1,)``; ties may let more leave.
        scores: Shape ``(N, E)``.
        is_rounded_up: Round the number that leaves up, not to the nearest: the mean cost never
            exceeds that of the shares.

    Returns:
        Thresholds at observed scores, ``+inf`` where nobody and ``-inf`` where everybody leaves;
        shape ``(E - 1,)``.
    """
    target_shares = np.asarray(shares, dtype=np.float64)
    thresholds = np.full(target_shares.shape, np.inf)
    arriving = scores
    for i, share in enumerate(target_shares):
        exact = share * len(arriving)
        leaving = math.ceil(exact - 1e-9) if is_rounded_up else round(exact)
        if leaving == 0:
            continue
        if leaving == len(arriving):
            thresholds[i] = -np.inf
            break
        ranked = np.partition(arriving[:, i], len(arriving) - leaving)
        thresholds[i] = ranked[len(arriving) - leaving]
        arriving = arriving[arriving[:, i] < thresholds[i]]
    return thresholds
