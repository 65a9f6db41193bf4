"""Batch-norm statistics of an extracted network, from a fixed sample of the train split."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from aebnas.nets.network import EarlyExitNetwork


@torch.no_grad()
def recalibrate(network: EarlyExitNetwork, batches: Iterable[Tensor]) -> None:
    """Replace all batch-norm statistics by their mean over some batches, and leave evaluation mode on.

    Args:
        network: Its weights stay as they are.
        batches: Normalised images ``(batch, channels, r, r)`` on the network's device, the same for
            every network; batches of one size, or the last weighs too much.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
    network.train()
    for x in batches:
        network(x)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
