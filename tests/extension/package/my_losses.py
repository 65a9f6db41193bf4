"""A training loss: cross-entropy of which hard images count more (arXiv 1708.02002)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from aebnas.extending import TrainingLoss


@dataclass(frozen=True)
class Focal(TrainingLoss):
    """The sum of the exits' focal losses."""

    power: float = 2.0

    def loss(self, logits: list[Tensor], labels: Tensor, weights: Sequence[float]) -> Tensor:
        """Return the loss of one batch, in nats."""
        total = torch.zeros((), device=labels.device)
        for exit_logits, weight in zip(logits, weights, strict=True):
            each = cross_entropy(exit_logits, labels, reduction="none")
            total = total + weight * ((1 - torch.exp(-each)) ** self.power * each).mean()
        return total
