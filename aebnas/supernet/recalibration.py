"""Batch-norm statistics of an extracted network, from a fixed sample of the train split."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor
from torch.optim.swa_utils import update_bn

from aebnas.nets.network import EarlyExitNetwork


def recalibrate(network: EarlyExitNetwork, batches: Iterable[Tensor]) -> None:
    """Replace all batch-norm statistics by their mean over some batches, and leave evaluation mode on.

    Args:
        network: Its weights stay as they are.
        batches: Normalised images ``(batch, channels, r, r)`` on the network's device, the same for
            every network; batches of one size, or the last weighs too much.
    """
    update_bn(batches, network)
    network.eval()
