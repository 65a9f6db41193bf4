"""Mixed training: the backbone with its last exit first, then all exits jointly.

The early heads run in the first phase too, untrained: the network has one forward pass.

Source: arXiv 2407.14320, which finds it better than joint training from the start and than a frozen backbone.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from aebnas.config.sections.losses import MixedConfig
from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.joint import balanced
from aebnas.training.losses.labelled import labelled_loss
from aebnas.training.phase import Phase, chance, early_heads, first_epochs, options_of


def mixed(network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]) -> list[Phase]:
    """Return two phases, last exit and then all with gradient equilibrium.

    Of a network without early exits both train the last one: it has the same schedule as its twin with exits.
    """
    smoothing = config.label_smoothing

    def last(logits: list[Tensor], labels: Tensor) -> Tensor:
        return labelled_loss(logits[-1], labels, label_smoothing=smoothing)

    (joint,) = balanced(network, config, weights)
    epochs = first_epochs(config.epochs, options_of(config, MixedConfig).first_phase)
    return [
        Phase(epochs, last, chance(network), frozen=early_heads(network), distilled="last"),
        replace(joint, epochs=config.epochs - epochs),
    ]
