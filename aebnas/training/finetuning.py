"""Training a network further: all of it, or without parts that stay as they are."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.modes import mode_of
from aebnas.training.trainer import Batches, TrainingResult, train_phases


def finetune(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    weights: tuple[float, ...],
    dtype: torch.dtype,
    frozen: tuple[nn.Module, ...] = (),
) -> TrainingResult:
    """Train a network further, as ``train`` does, but for parts that stay as they are.

    Args:
        network: Trained already.
        batches: Iterated once per epoch.
        config: Of this further training.
        weights: As for ``train``.
        dtype: As for ``train``.
        frozen: Parts that stay as they are, their batch-norm statistics included; some other part does not.

    Raises:
        TrainingError: As for ``train``.
    """
    phases = mode_of(config.loss)(network, config, weights)
    if frozen:
        phases = [replace(phase, frozen=frozen) for phase in phases]
    return train_phases(network, batches, config, phases, dtype)
