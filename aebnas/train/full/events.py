"""What happens while a network is trained in full, for whoever listens: the command line, tests.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aebnas.train.select.selected_network import SelectedNetwork

Role = Literal["network", "static", "teacher"]
"""What is trained: the network asked for, the same without exits, or who teaches it."""


@dataclass(frozen=True)
class NetworkSelected:
    """A training is about to begin; sent before anything is read that takes time."""

    selected: SelectedNetwork


@dataclass(frozen=True)
class TrainingBegan:
    """A network is trained, or its training is taken up again."""

    role: Role
    key: str
    folder: Path
    epochs: int
    """Of the whole training."""
    epochs_done: int
    """Of them, done before."""
    images: int
    """It is trained on."""
    inherits: bool = False
    """Whether it begins with weights of the run's supernet."""


@dataclass(frozen=True)
class EpochEnded:
    """One row of the log."""

    role: Role
    epoch: int
    """From 1."""
    epochs: int
    phase: int
    """Of the training mode, from 1."""
    loss: float
    """Mean over the epoch, in nats."""
    learning_rate: float
    """Of the last step."""
    seconds: float
    """Of this epoch alone."""
    accuracy: tuple[float, ...] | None = None
    """Of every exit on calibrate; None where it was not looked at."""


@dataclass(frozen=True)
class NetworkTrained:
    """A checkpoint is complete."""

    role: Role
    key: str
    folder: Path
    was_known: bool
    """Whether it was there already."""
    accuracy: tuple[float, ...]
    """Of every exit on calibrate."""
    policy_accuracy: float
    """On calibrate, where the policy was fitted: optimistic."""
    policy_cost: float
    """Mean cost of an image there, in ``cost_metric``."""
    cost_metric: str
    target_check: Mapping[str, Any] | None = field(default=None)
    """With a target: is it met on calibrate, as ``TargetCheck.to_dict`` writes it."""


@dataclass(frozen=True)
class TuningBegan:
    """Hyperparameters are about to be tried."""

    trials: int
    at_once: int
    trials_done: int = 0
    """Of the trials, done in an earlier session."""


@dataclass(frozen=True)
class TrialEnded:
    """One try of hyperparameters."""

    number: int
    """From 1, in the order in which they ended."""
    trials: int
    settings: Mapping[str, Any]
    accuracy: float
    """Mean over the exits, on select, after the last epoch that it was given."""
    epochs: int
    """That it was given."""


@dataclass(frozen=True)
class Tuned:
    """The best hyperparameters."""

    file: Path
    settings: Mapping[str, Any]
    accuracy: float
    was_known: bool


FinalEvent = NetworkSelected | TrainingBegan | EpochEnded | NetworkTrained | TuningBegan | TrialEnded | Tuned
FinalListener = Callable[[FinalEvent], None]


def ignore(event: FinalEvent) -> None:
    """Ignore the event."""
