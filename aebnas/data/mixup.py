"""Mixup: each image of a batch is mixed with another one, and the loss with the other's label.

All images of a batch are mixed in one share, so that the loss of the mixture is a mixture of losses,
``share * loss(first) + (1 - share) * loss(second)``: it works with every loss of labels.

Source: arXiv 1710.09412 and its code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class MixedTargets:
    """What a batch of mixed images shows."""

    first: Tensor
    """Targets of the images themselves, ``(batch, ...)``."""
    second: Tensor
    """Targets of those mixed in."""
    share: float
    """Of the images themselves, 0 to 1."""

    def mixed(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the mixture of what a function of targets, a loss say, returns."""
        return self.share * of(self.first) + (1 - self.share) * of(self.second)

    def each(self, change: Callable[[Tensor], Tensor]) -> MixedTargets:
        """Return the same with changed targets."""
        return MixedTargets(change(self.first), change(self.second), self.share)


Targets = Tensor | MixedTargets
"""What a batch shows: labels ``(batch,)`` or what a loss expects in their place, or two of these."""


def loss_of(targets: Targets, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a loss of targets, or a mixture of two."""
    return targets.mixed(loss) if isinstance(targets, MixedTargets) else loss(targets)


@dataclass(frozen=True)
class Mixing:
    """How one batch is mixed."""

    partners: Tensor
    """For every image the place of the one that is mixed in, ``(batch,)``."""
    share: float
    """Of the image itself."""

    def images(self, x: Tensor) -> Tensor:
        """Return mixed images, floats ``(batch, ...)``."""
        return x.index_select(0, self.partners).lerp_(x, self.share)

    def targets(self, y: Tensor) -> MixedTargets:
        """Return what mixed images show."""
        return MixedTargets(y, y.index_select(0, self.partners), self.share)


def draw_mixings(
    alpha: float, batches: int, batch_size: int, generator: torch.Generator, device: torch.device
) -> list[Mixing]:
    """Return how the batches of an epoch are mixed.

    Args:
        alpha: Shares are of the distribution Beta(alpha, alpha).
        batches: Of the epoch.
        batch_size: Images of each.
        generator: Source of all random numbers.
        device: Of the images.
    """
    seed = int(torch.randint(2**62, (), generator=generator))  # torch draws no Beta from a generator
    shares = np.random.default_rng(seed).beta(alpha, alpha, batches)
    partners = torch.rand(batches, batch_size, generator=generator).argsort(dim=1).to(device)
    return [Mixing(row, float(share)) for row, share in zip(partners, shares, strict=True)]
