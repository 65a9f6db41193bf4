"""Training one early-exit network on data that are already on the device."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sized
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aebnas.config.training_schema import TrainingConfig
from aebnas.errors import TrainingError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.modes import MODES
from aebnas.training.phase import Phase, all_but_early_heads, only_the_rest_trains
from aebnas.training.schedule import one_cycle

CHECK_EVERY = 16
"""Steps between looks at the loss: each look waits for the device."""


class Batches(Iterable[tuple[Tensor, Tensor]], Sized, Protocol):
    """One epoch of ``(images, labels)`` on the device each time it is iterated."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves besides the weights."""

    first_loss: float
    """Mean loss of the first epoch, in nats."""
    last_loss: float
    """Mean loss of the last epoch, in nats; with two phases, the loss of the second."""


def train(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    weights: tuple[float, ...],
    dtype: torch.dtype,
) -> TrainingResult:
    """Train a network in place with SGD, phase by phase, each with a one-cycle schedule.

    Args:
        network: On the batches' device.
        batches: Iterated once per epoch.
        config: Epochs, learning rate and loss.
        weights: One loss weight per exit; losses other than weighted take ones.
        dtype: ``torch.float32``, or ``torch.bfloat16`` for autocast.

    Raises:
        TrainingError: The loss became NaN or infinite, training diverged, or the network is not
            built for the loss.
    """
    return _run(network, batches, config, MODES[config.loss](network, config, weights), dtype)


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
    phases = MODES[config.loss](network, config, weights)
    if only_early_exits:
        phases = [replace(phase, frozen=all_but_early_heads(network)) for phase in phases]
    return _run(network, batches, config, phases, dtype)


def exit_logits(network: EarlyExitNetwork, batches: Iterable[Tensor]) -> NDArray[np.float32]:
    """Return the logits of every exit, computed in fp32.

    Args:
        network: Trained; put into evaluation mode.
        batches: Normalised images ``(batch, channels, r, r)`` on the network's device.

    Returns:
        Shape ``(images, exits, classes)``.

    Raises:
        TrainingError: A logit is NaN or infinite.
    """
    network.eval()
    with torch.inference_mode():
        chunks = [torch.stack(network(x), dim=1).float().cpu() for x in batches]
    logits: NDArray[np.float32] = torch.cat(chunks).numpy()
    if not np.isfinite(logits).all():
        raise TrainingError("a logit of the trained network is NaN or infinite")
    return logits


def _run(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    phases: list[Phase],
    dtype: torch.dtype,
) -> TrainingResult:
    losses: list[float] = []
    for phase in phases:
        losses += _phase_losses(network, batches, config, phase, dtype)
    return TrainingResult(losses[0], losses[-1])


def _phase_losses(
    network: EarlyExitNetwork, batches: Batches, config: TrainingConfig, phase: Phase, dtype: torch.dtype
) -> list[float]:
    """Train one phase; return the mean loss of each epoch."""
    device = next(network.parameters()).device
    steps, step, epoch_losses = phase.epochs * len(batches), 0, []
    with only_the_rest_trains(network, phase.frozen):
        trained = _trained(network, phase)
        optimizer = _optimizer(trained, config)
        for epoch in range(phase.epochs):
            total = torch.zeros((), device=device)
            for x, labels in batches:
                for group in optimizer.param_groups:
                    group["lr"] = one_cycle(step, steps, config.learning_rate, config.warmup)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
                    logits = network(x, phase.equilibrium)
                loss = phase.loss([z.float() for z in logits], labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                if config.clip_norm is not None:
                    nn.utils.clip_grad_norm_(trained, config.clip_norm)
                optimizer.step()
                total += loss.detach()
                step += 1
                if step % CHECK_EVERY == 0:
                    _check_finite(total, epoch, step)
            _check_finite(total, epoch, step)
            epoch_losses.append(float(total) / len(batches))
            _check_converges(epoch_losses, phase.chance)
    return epoch_losses


def _trained(network: nn.Module, phase: Phase) -> list[nn.Parameter]:
    modules = [network] if phase.companion is None else [network, phase.companion]
    return [p for module in modules for p in module.parameters() if p.requires_grad]


def _optimizer(trained: list[nn.Parameter], config: TrainingConfig) -> torch.optim.SGD:
    decayed = [p for p in trained if p.ndim > 1]
    plain = [p for p in trained if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups, lr=config.learning_rate, momentum=config.momentum, nesterov=config.momentum > 0, fused=True
    )


def _check_finite(total: Tensor, epoch: int, step: int) -> None:
    if not math.isfinite(float(total)):
        raise TrainingError(f"the loss is NaN or infinite (epoch {epoch + 1}, step {step} at the latest)")


def _check_converges(losses: list[float], chance: float) -> None:
    if losses[-1] > 3 * chance:
        raise TrainingError(
            f"training diverged: mean loss {losses[-1]:.3g} after epoch {len(losses)}, chance is {chance:.3g}"
        )
