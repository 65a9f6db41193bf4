"""A frozen backbone: it is trained for the last exit alone, then the early heads are put on it.

Early exits leave the last exit as it would be without them, and are worse than joint training.
The heads run in the first phase too, untrained: the network has one forward pass.
"""

from __future__ import annotations

from torch import Tensor

from aebnas.config.sections.losses import FrozenBackboneConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.labelled import labelled_loss
from aebnas.training.losses.losses import joint_cross_entropy
from aebnas.training.phase import (
    Phase,
    all_but_early_heads,
    chance,
    early_heads,
    first_epochs,
    options_of,
)


def frozen(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return two phases, last exit and early heads; one for a network without early exits.

    Weights are not read.
    """
    smoothing, early = config.label_smoothing, network.exits - 1

    def last(logits: list[Tensor], labels: Tensor) -> Tensor:
        return labelled_loss(logits[-1], labels, label_smoothing=smoothing)

    def heads(logits: list[Tensor], labels: Tensor) -> Tensor:
        return joint_cross_entropy(logits[:-1], labels, (1.0,) * early, smoothing)

    if not early:
        return [Phase(config.epochs, last, chance(network))]
    epochs = first_epochs(config.epochs, options_of(config, FrozenBackboneConfig).first_phase)
    return [
        Phase(epochs, last, chance(network), frozen=early_heads(network), distilled="last"),
        Phase(
            config.epochs - epochs,
            heads,
            early * chance(network),
            frozen=all_but_early_heads(network),
            distilled="early",
        ),
    ]
