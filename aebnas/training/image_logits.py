"""What every exit of a trained network says about images."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from aebnas.data.dataset import Samples
from aebnas.data.loader import eval_batches
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.trainer import exit_logits

EVALUATION_BATCH = 250
"""Images per forward pass when logits are collected."""


def image_logits(
    network: EarlyExitNetwork,
    images: Samples,
    memory_format: torch.memory_format = torch.channels_last,
) -> NDArray[np.float32]:
    """Return the logits of every exit, ``(images, exits, classes)``; the network is then in evaluation mode.

    Args:
        network: Computes where its weights are.
        images: At any size: they are brought to what the network takes in.
        memory_format: Of the batches.
    """
    batches = eval_batches(
        images,
        network.input,
        device=next(network.parameters()).device,
        batch_size=EVALUATION_BATCH,
        memory_format=memory_format,
    )
    return exit_logits(network, (x for x, _ in batches))
