"""Trials of hyperparameters: which values may be tried, and the training of one trial.

A trial trains on train alone and is scored on select after every epoch: the mean accuracy of its
exits.  Calibrate and test are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aebnas.config.sections.losses import loss_named, names_where
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import TrainingError
from aebnas.nets.network import EarlyExitNetwork
from aebnas.train.full.full_training import held_out_accuracy, trained_weights
from aebnas.train.full.plan import Plan, TrainingJob
from aebnas.training.checkpoint_callback import Epoch, TrainingState

FACTOR = 5.0
"""The learning rate is tried from a fifth to five times the file's."""
FAILED = 0.0
"""Score of a training that diverged."""


@dataclass(frozen=True)
class Range:
    """Numbers from low to high."""

    low: float
    high: float
    is_logarithmic: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]


Parameters = Mapping[str, Range | Choice]
"""What may be tried, by field of the section ``training``."""
Report = Callable[[int, float], None]
"""Called with the epochs done and the mean accuracy of the exits on select; may raise to end the trial."""


def parameters_of(training: TrainingConfig, exits: int) -> Parameters:
    """Return what is tried around some settings; epochs stay.

    Args:
        training: The settings.
        exits: Of the network; with one, all joint losses are the same.
    """
    rate, batch = training.learning_rate, training.batch_size
    parameters: dict[str, Range | Choice] = {
        "learning_rate": Range(rate / FACTOR, min(100.0, rate * FACTOR), is_logarithmic=True),
        "weight_decay": Range(1e-5, 1e-2, is_logarithmic=True),
        "label_smoothing": Range(0.0, 0.2),
        "batch_size": Choice(tuple(sorted({max(2, batch // 2), batch, 2 * batch}))),
    }
    if exits > 1 and training.loss.is_joint and training.loss == loss_named(training.loss.name):
        parameters["loss"] = Choice(names_where("is_joint"))
    return parameters


def with_settings(plan: Plan, settings: Mapping[str, Any]) -> Plan:
    """Return a plan with other training settings.

    Raises:
        ValidationError: They contradict the others.
    """
    plain = plan.settings.training.model_dump() | dict(settings)
    training = TrainingConfig.model_validate(plain)
    return replace(plan, settings=plan.settings.model_copy(update={"training": training}))


def run_trial(job: TrainingJob, plan: Plan, settings: Mapping[str, Any], report: Report) -> None:
    """Train a network with some settings, and report every epoch.

    Args:
        job: The network; its folder stays empty.
        plan: With ``tuning_images``.
        settings: Fields of the section ``training``.
        report: Told how it goes; a training that diverges scores ``FAILED``.
    """
    tried = with_settings(plan, settings)
    try:
        trained_weights(job, tried, lambda network: _Scored(network, tried, report))
    except TrainingError:
        report(tried.settings.training.epochs, FAILED)


@dataclass(frozen=True)
class _Scored:
    """A callback that scores the network after every epoch, and stores no state."""

    network: EarlyExitNetwork
    plan: Plan
    report: Report

    def recall(self) -> None:
        """Begin at the beginning."""

    def look(self, epoch: Epoch) -> None:
        """Score the network."""
        self.report(epoch.number, float(np.mean(held_out_accuracy(self.network, self.plan))))

    def record(self, epoch: Epoch, state: Callable[[], TrainingState]) -> None:
        """Take no note."""
