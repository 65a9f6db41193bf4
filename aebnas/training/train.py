"""Training a network, by the loss of its settings: all of it, or without parts that stay as they are."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.modes import mode_of
from aebnas.training.losses.teacher import Distillation, distilled_phases
from aebnas.training.phase import chance
from aebnas.training.trainer import Batches, TrainingResult, train_phases


def train(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    weights: tuple[float, ...],
    dtype: torch.dtype,
    frozen: tuple[nn.Module, ...] = (),
    distillation: Distillation | None = None,
) -> TrainingResult:
    """Train a network in place with SGD, phase by phase, each with a one-cycle schedule.

    Args:
        network: On the batches' device; trained further, where it is trained already.
        batches: Iterated once per epoch.
        config: Epochs, learning rate and loss.
        weights: One loss weight per exit; losses other than weighted take ones.
        dtype: ``torch.float32``, or ``torch.bfloat16`` for autocast.
        frozen: Parts that stay as they are, their batch-norm statistics included; some other part does not.
        distillation: How much it listens to the teacher whose answers the batches hold; None: they hold
            labels alone.

    Raises:
        TrainingError: The loss became NaN or infinite, training diverged, or the network is not
            built for the loss.
    """
    phases = mode_of(config.loss)(network, config, weights)
    if frozen:
        phases = [replace(phase, frozen=frozen) for phase in phases]
    if distillation is not None:
        phases = distilled_phases(phases, distillation, weights, chance(network))
    return train_phases(network, batches, config, phases, dtype)
