"""A training loss as an object: its options are its fields, its loss a method.

Ways of training that users bring inherit ``TrainingLoss``; configuration files name them as in
``loss: {name: my_losses:Ordinal, power: 2}``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.phase import Phase


class TrainingLoss(ABC):
    """A loss of all exits together.

    Write it as a frozen dataclass: its fields are what a configuration file may set.
    """

    phases: ClassVar[int] = 1
    """Phases of a training; each needs an epoch."""
    boosting_coefficient: ClassVar[float] = 0.0
    """Share of each exit's logits that networks add to the next exit's; 0: they do not."""
    equilibrium: ClassVar[bool] = False
    """Whether gradients are in equilibrium at the exits."""

    @abstractmethod
    def loss(self, logits: list[Tensor], labels: Tensor, weights: Sequence[float]) -> Tensor:
        """Return the loss of one batch, a scalar.

        Args:
            logits: Of every exit, in order, each ``(batch, classes)``, fp32.
            labels: The right classes, ``(batch,)``, int64.
            weights: One weight per exit; all 1 where the file sets none.
        """

    def chance(self, classes: int, weights: Sequence[float]) -> float:
        """Return the loss of a network that knows nothing: three times as much is a divergence.

        Override it where the loss is not in nats.
        """
        return sum(weights) * math.log(classes)

    def plan(
        self, network: EarlyExitNetwork, config: TrainingConfig, weights: tuple[float, ...]
    ) -> list[Phase]:
        """Return the phases of a training: one of ``loss``, unless overridden."""
        classes = network.plan[-1].exit[-1].spec.width
        return [
            Phase(
                config.epochs,
                lambda logits, labels: self.loss(logits, labels, weights),
                self.chance(classes, weights),
                self.equilibrium,
            )
        ]
