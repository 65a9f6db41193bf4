"""Checkpoint callbacks: who follows a training epoch by epoch, and what it takes to go on behind one.

A training that is taken up behind an epoch does, on a CPU, bit for bit what it would have done
uninterrupted: weights, momentum, the batches' random numbers and torch's own are restored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from aebnas.errors import TrainingError
from aebnas.training.averaging import Average
from aebnas.training.phase import Phase

State = dict[str, Any]


@dataclass(frozen=True)
class Epoch:
    """One finished epoch."""

    number: int
    """Of the whole training, from 1."""
    phase: int
    """Counted from 0."""
    loss: float
    """Mean over its batches, in nats."""
    learning_rate: float
    """Of its last step."""


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on; tensors, numbers, lists and dictionaries alone."""

    losses: list[list[float]]
    """Of the finished epochs, by phase; the last list is the phase that was interrupted."""
    network: State
    companion: State | None
    average: State | None
    """Of the weights, where one is deployed in their place."""
    optimizer: State
    batches: list[Tensor]
    """Random states of the batches."""
    random: Tensor
    """Torch's random state on the CPU."""


class CheckpointCallback(Protocol):
    """Follows a training."""

    def recall(self) -> TrainingState | None:
        """Return where to begin; None: at the beginning."""

    def look(self, epoch: Epoch) -> None:
        """Look at the network behind a finished epoch, as it would be deployed: averaged, where it is.

        Called before ``record`` of the same epoch.
        """

    def record(self, epoch: Epoch, state: Callable[[], TrainingState]) -> None:
        """Take note of a finished epoch.

        Args:
            epoch: What happened.
            state: Returns what the next epoch depends on: copies nothing, so write it down at once.
        """


class _NoCallback:
    def recall(self) -> None:
        """Begin at the beginning."""

    def look(self, epoch: Epoch) -> None:
        """Look at nothing."""

    def record(self, epoch: Epoch, state: Callable[[], TrainingState]) -> None:
        """Take no note."""


NO_CALLBACK: CheckpointCallback = _NoCallback()
"""Remembers nothing."""


@runtime_checkable
class Repeatable(Protocol):
    """Batches whose next epochs follow from states that can be read and set."""

    def random_states(self) -> list[Tensor]:
        """Return the states behind the epochs begun so far."""

    def set_random_states(self, states: Sequence[Tensor]) -> None:
        """Go on as the batches did that returned ``states``."""


def snapshot(
    losses: list[list[float]],
    network: nn.Module,
    phase: Phase,
    average: Average,
    optimizer: torch.optim.Optimizer,
    batches: object,
) -> TrainingState:
    """Return the state between two epochs.

    Raises:
        TrainingError: The batches do not tell their random states.
    """
    return TrainingState(
        losses=[list(phase_losses) for phase_losses in losses],
        network=network.state_dict(),
        companion=None if phase.companion is None else phase.companion.state_dict(),
        average=average.state(),
        optimizer=optimizer.state_dict(),
        batches=_repeatable(batches).random_states(),
        random=torch.get_rng_state(),
    )


def restore(
    state: TrainingState,
    network: nn.Module,
    phase: Phase,
    average: Average,
    optimizer: torch.optim.Optimizer,
    batches: object,
) -> None:
    """Put everything back to where a snapshot of the same training was taken.

    Raises:
        TrainingError: The state belongs to another network or phase.
    """
    try:
        network.load_state_dict(state.network)
        if phase.companion is not None:
            phase.companion.load_state_dict(state.companion or {})
        average.restore(state.average)
        optimizer.load_state_dict(state.optimizer)
    except (RuntimeError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"the stored state belongs to another training: {first}") from error
    _repeatable(batches).set_random_states(state.batches)
    torch.set_rng_state(state.random)


def _repeatable(batches: object) -> Repeatable:
    if not isinstance(batches, Repeatable):
        raise TrainingError(f"{type(batches).__name__} has no random_states: it cannot be taken up again")
    return batches
