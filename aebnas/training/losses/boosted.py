"""Boosted exits: each corrects the one before, ``F_i = f_i + 0.5 stop_gradient(F_{i-1})``.

The sum belongs to the network (``BoostedSegment``), so that what is trained is what is deployed;
here is only the check that it was built so.  Source: BoostedNet (AAAI 2023), which rescales
gradients as gradient equilibrium does.
"""

from __future__ import annotations

from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import TrainingError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.joint import balanced
from aebnas.training.phase import Phase


def boosted(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return one phase of the boosted exits' summed cross-entropies, gradients in equilibrium.

    Raises:
        TrainingError: The network carries no logits from exit to exit, or another share of them.
    """
    if network.boosting_coefficient != config.boosting_coefficient:
        raise TrainingError(
            f"loss: {config.loss.name} needs a network built with "
            f"boosting_coefficient={config.boosting_coefficient:g}, "
            f"but this one has {network.boosting_coefficient:g}"
        )
    return balanced(network, config, weights)
