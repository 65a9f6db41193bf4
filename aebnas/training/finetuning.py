"""Training a network further: all of it, or the branches of its early exits alone."""

from __future__ import annotations

from dataclasses import replace

import torch

from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.losses.modes import mode_of
from aebnas.training.phase import all_but_early_heads
from aebnas.training.trainer import Batches, TrainingResult, train_phases


def finetune(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    weights: tuple[float, ...],
    dtype: torch.dtype,
    only_early_exits: bool,
) -> TrainingResult:
    """Train a network further, as ``train`` does, or the branches of its early exits alone.

    Args:
        network: Trained already, with an early exit where only those are trained.
        batches: Iterated once per epoch.
        config: Of this further training.
        weights: As for ``train``.
        dtype: As for ``train``.
        only_early_exits: Whether backbone and last exit stay as they are.

    Raises:
        TrainingError: As for ``train``.
    """
    phases = mode_of(config.loss)(network, config, weights)
    if only_early_exits:
        phases = [replace(phase, frozen=all_but_early_heads(network)) for phase in phases]
    return train_phases(network, batches, config, phases, dtype)
