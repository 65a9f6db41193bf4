"""Training all exits at once with a sum of their cross-entropies."""

from __future__ import annotations

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.losses import joint_cross_entropy
from aebnas.training.phase import Phase, chance


def summed(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return one phase of the weighted sum: the plain sum where every weight is 1."""
    return [_sum(network, config, weights, equilibrium=False)]


def balanced(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return one phase of the sum with gradient equilibrium.

    Source: IMTA (ICCV 2019).
    """
    return [_sum(network, config, weights, equilibrium=True)]


def _sum(
    network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...], equilibrium: bool
) -> Phase:
    return Phase(
        config.epochs,
        lambda logits, labels: joint_cross_entropy(logits, labels, weights, config.label_smoothing),
        sum(weights) * chance(network),
        equilibrium,
    )
