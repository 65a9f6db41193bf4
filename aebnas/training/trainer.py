"""Training one early-exit network on data that are already on the device.

``train`` runs the phases of the settings' loss, ``train_phases`` phases that somebody has changed.
A ``CheckpointCallback`` follows a training epoch by epoch and may begin it where an earlier one stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aebnas.config.sections.training import TrainingConfig
from aebnas.data.mixup import Targets, loss_of
from aebnas.errors import TrainingError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.training.averaging import Average, average_of
from aebnas.training.checkpoint_callback import (
    NO_CALLBACK,
    CheckpointCallback,
    Epoch,
    TrainingState,
    restore,
    snapshot,
)
from aebnas.training.gradients import GradientRule, equilibrium_shares
from aebnas.training.optimizer import optimizer_of, set_rates
from aebnas.training.phase import Phase, only_the_rest_trains
from aebnas.training.schedule import one_cycle

CHECK_EVERY = 16
"""Steps between looks at the loss: each look waits for the device."""
DIVERGED = 3
"""A training whose loss, after an epoch or more, is so many times that of chance has diverged."""


class Batches(Iterable[tuple[Tensor, Targets]], Sized, Protocol):
    """One epoch of ``(images, targets)`` on the device each time it is iterated.

    Targets are what the phases' losses expect: labels ``(batch,)``, or what a teacher's ``joined`` makes of
    them; of mixed images, two of these.
    """


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves besides the weights."""

    first_loss: float
    """Mean loss of the first epoch, in nats."""
    last_loss: float
    """Mean loss of the last epoch, in nats; with two phases, the loss of the second."""


def train_phases(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    phases: Sequence[Phase],
    dtype: torch.dtype,
    callback: CheckpointCallback = NO_CALLBACK,
) -> TrainingResult:
    """Train a network in place with SGD, phase by phase, each with a one-cycle schedule.

    Args:
        network: On the batches' device.
        batches: Iterated once per epoch.
        config: Learning rate and other settings of SGD.
        phases: In order.
        dtype: ``torch.float32``, or ``torch.bfloat16`` for autocast.
        callback: Told every finished epoch; if it remembers an earlier one, training goes on behind it.

    Raises:
        TrainingError: The loss became NaN or infinite, training diverged, or the network is not
            built for the loss.
    """
    state = callback.recall()
    losses: list[list[float]] = [list(phase_losses) for phase_losses in state.losses] if state else []
    first = len(losses) - 1 if losses else 0
    for number, phase in enumerate(phases[first:], first):
        if number == len(losses):
            losses.append([])
        progress = _PhaseOfTraining(number, sum(earlier.epochs for earlier in phases[:number]), losses)
        _train_phase(network, batches, config, phase, dtype, progress, callback, state)
        state = None
    return TrainingResult(losses[0][0], losses[-1][-1])


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


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; afterwards each part is in the mode that it was in."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@dataclass(frozen=True)
class _PhaseOfTraining:
    """Where a phase stands in the whole training."""

    phase: int
    epochs_before: int
    losses: list[list[float]]
    """Of the finished epochs, by phase; grows."""


def _train_phase(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    phase: Phase,
    dtype: torch.dtype,
    progress: _PhaseOfTraining,
    callback: CheckpointCallback,
    state: TrainingState | None,
) -> None:
    """Train one phase from its beginning, or from behind ``state``; append the mean loss of each epoch."""
    steps, losses = phase.epochs * len(batches), progress.losses[progress.phase]
    with only_the_rest_trains(network, phase.frozen, config.frozen_batch_norm):
        trained = _trained(network, phase)
        optimizer = optimizer_of(network, trained, config)
        average = average_of(network, config.ema_decay)
        if state is not None:
            restore(state, network, phase, average, optimizer, batches)
        shares = equilibrium_shares(network) if phase.equilibrium else {}
        rule = GradientRule(trained, shares, config.clip_norm)
        for epoch in range(len(losses), phase.epochs):
            total = _train_epoch(network, batches, config, phase, dtype, optimizer, rule, average, epoch)
            losses.append(total / len(batches))
            _check_converges(losses, phase.chance)
            rate = one_cycle((epoch + 1) * len(batches) - 1, steps, config.learning_rate, config.warmup)
            done = Epoch(progress.epochs_before + len(losses), progress.phase, losses[-1], rate)
            with average.in_place():
                callback.look(done)
            callback.record(
                done, lambda: snapshot(progress.losses, network, phase, average, optimizer, batches)
            )
        average.finish()


def _train_epoch(
    network: EarlyExitNetwork,
    batches: Batches,
    config: TrainingConfig,
    phase: Phase,
    dtype: torch.dtype,
    optimizer: torch.optim.SGD,
    rule: GradientRule,
    average: Average,
    epoch: int,
) -> float:
    """Train one epoch; return the sum of its batches' losses."""
    device = next(network.parameters()).device
    steps, step = phase.epochs * len(batches), epoch * len(batches)
    total = torch.zeros((), device=device)
    for x, targets in batches:
        set_rates(optimizer, step, steps, config)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = network(x)
        answers = [z.float() for z in logits]
        loss = loss_of(targets, lambda shown: phase.loss(answers, shown))  # noqa: B023 - called at once
        if loss.requires_grad:  # else nothing trains: a saved program's own head, without early exits
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            rule.apply()
            optimizer.step()
        average.update()
        total += loss.detach()
        step += 1
        if step % CHECK_EVERY == 0:
            _check_finite(total, epoch, step)
    _check_finite(total, epoch, step)
    return float(total)


def _trained(network: nn.Module, phase: Phase) -> list[nn.Parameter]:
    modules = [network] if phase.companion is None else [network, phase.companion]
    return [p for module in modules for p in module.parameters() if p.requires_grad]


def _check_finite(total: Tensor, epoch: int, step: int) -> None:
    if not math.isfinite(float(total)):
        raise TrainingError(f"the loss is NaN or infinite (epoch {epoch + 1}, step {step} at the latest)")


def _check_converges(losses: list[float], chance: float) -> None:
    if losses[-1] > DIVERGED * chance:
        raise TrainingError(
            f"training diverged: mean loss {losses[-1]:.3g} after epoch {len(losses)}, chance is {chance:.3g}"
        )
