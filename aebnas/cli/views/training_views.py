"""How a full training is shown: a bar on a terminal, lines in a pipe, JSON lines for programs.

JSON: every object has ``event``; the others are

    network_selected   key, text, run, folder
    training_began     role (network, static, teacher), key, folder, epochs, epochs_done (before), images,
                       inherits (begins with weights of the run's supernet)
    epoch_ended        role, epoch (from 1), epochs, phase, loss (nats), learning_rate, seconds,
                       accuracy (of every exit on calibrate, or null)
    network_trained    role, key, folder, was_known, accuracy, policy_accuracy, policy_cost, cost_metric,
                       target check (both on calibrate)
    tuning_began       trials, at_once, trials_done (before)
    trial_ended        number, trials, settings, accuracy (mean over the exits, on select), epochs
    tuned              file, settings, accuracy, was_known
    interrupted        resume (the command that continues)
    finished           folder
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import TaskID

from aebnas.cli.views.consoles import results_console
from aebnas.report.page.markup import finite
from aebnas.runs.formatting import count, metric_value, percent
from aebnas.terminal.bars import FittedProgress
from aebnas.terminal.fitting import FittedText
from aebnas.train.full.events import (
    EpochEnded,
    FinalEvent,
    NetworkSelected,
    NetworkTrained,
    TrainingBegan,
    TrialEnded,
    TrialsBroke,
    Tuned,
    TuningBegan,
)
from aebnas.train.select.selected_network import SelectedNetwork

NETWORK_NAMES = {"network": "network", "static": "the same without early exits", "teacher": "teacher"}
LINES = 20
"""Epochs of a training that get a line in a pipe."""


class TrainingView(AbstractContextManager["TrainingView"], Protocol):
    """Shows a full training; a listener."""

    def __call__(self, event: FinalEvent) -> None:
        """Show one event."""

    def interrupted(self, command: str) -> None:
        """Say how to continue."""

    def finished(self, folder: Path) -> None:
        """Print the folder of the trained network."""


def make_training_view(as_json: bool) -> TrainingView:
    """Return JSON lines if they are asked for, a bar on a terminal, else lines."""
    if as_json:
        return JsonTraining()
    console = Console(highlight=False, markup=False)
    return BarTraining(console) if console.is_terminal and not console.is_dumb_terminal else LineTraining()


class LineTraining:
    """Some lines per training."""

    def __init__(self, console: Console | None = None) -> None:
        """Print to standard output."""
        self._console = console or results_console()

    def __enter__(self) -> LineTraining:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: FinalEvent) -> None:
        """Print one event, if it deserves a line."""
        match event:
            case NetworkSelected():
                self._console.print(FittedText(event.selected.text))
            case TrainingBegan():
                self._console.print(began(event), soft_wrap=True)
            case EpochEnded():
                every = max(1, event.epochs // LINES)
                if event.accuracy or event.epoch % every == 0:
                    self._console.print(FittedText(f"  {epoch_line(event)}"))
            case NetworkTrained():
                self._console.print(FittedText(trained(event)))
            case TuningBegan():
                done_before = f", {event.trials_done} done before" if event.trials_done else ""
                text = f"tuning: {count(event.trials, 'trial')}, {event.at_once} at once{done_before}"
                self._console.print(FittedText(text))
            case TrialEnded():
                text = f"  trial {event.number} of {event.trials}: {trial(event)}"
                self._console.print(FittedText(text))
            case TrialsBroke():
                broken = f"{event.broken} of {count(event.trials, 'trial')} broke"
                text = f"{broken}, the others decide: {event.error}"
                self._console.print(text, soft_wrap=True)
            case Tuned():
                self._console.print(tuned(event), soft_wrap=True)

    def interrupted(self, command: str) -> None:
        """Say how to continue."""
        self._console.print(f"Interrupted; finished epochs are kept. Continue: {command}", soft_wrap=True)

    def finished(self, folder: Path) -> None:
        """Print the folder of the trained network."""
        self._console.print(f"Score it on the test images: aebnas evaluate {folder}", soft_wrap=True)


class BarTraining(LineTraining):
    """A bar per training."""

    def __init__(self, console: Console) -> None:
        """Draw nothing yet."""
        super().__init__(console)
        self._bar = FittedProgress(console)
        self._tasks: dict[str, TaskID] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self._bar.stop()

    def __call__(self, event: FinalEvent) -> None:
        """Move a bar, or print a line above it."""
        match event:
            case TrainingBegan():
                super().__call__(event)
                self._bar.start()
                self._tasks[event.role] = self._bar.add_task(
                    event.role, total=event.epochs, completed=event.epochs_done, metadata=""
                )
            case EpochEnded():
                self._bar.update(self._tasks[event.role], completed=event.epoch, metadata=metadata(event))
            case TrialEnded():
                self._bar.start()
                if "tune" not in self._tasks:
                    self._tasks["tune"] = self._bar.add_task("tune", total=event.trials, metadata="")
                self._bar.update(self._tasks["tune"], completed=event.number, metadata=trial(event))
            case _:
                super().__call__(event)

    def interrupted(self, command: str) -> None:
        """Say how to continue."""
        self._bar.stop()
        super().interrupted(command)

    def finished(self, folder: Path) -> None:
        """Print the folder of the trained network."""
        self._bar.stop()
        super().finished(folder)


class JsonTraining:
    """One JSON object per event; see the module for the fields."""

    def __enter__(self) -> JsonTraining:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def __call__(self, event: FinalEvent) -> None:
        """Write one event."""
        if isinstance(event, NetworkSelected):
            self._write_selected(event.selected)
            return
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
        self._write({"event": name, **asdict(event)})

    def _write_selected(self, selected: SelectedNetwork) -> None:
        metadata = {
            "key": selected.key,
            "text": selected.text,
            "run": selected.run,
            "folder": selected.folder,
        }
        self._write({"event": "network_selected", **metadata})

    def interrupted(self, command: str) -> None:
        """Write the last object of an interrupted training."""
        self._write({"event": "interrupted", "resume": command})

    def finished(self, folder: Path) -> None:
        """Write the last object."""
        self._write({"event": "finished", "folder": folder})

    def _write(self, record: Mapping[str, Any]) -> None:
        plain = {key: str(value) if isinstance(value, Path) else value for key, value in record.items()}
        print(json.dumps(finite(plain), allow_nan=False), flush=True)


def began(event: TrainingBegan) -> str:
    """Return the beginning of a training as a line."""
    inherited = ", from inherited weights" if event.inherits else ""
    done_before = f", {event.epochs_done} of them done before" if event.epochs_done else ""
    epochs = f"{count(event.epochs, 'epoch')} on {event.images:,} images{inherited}{done_before}"
    return f"{NETWORK_NAMES[event.role]} {event.key}: {epochs}; {event.folder}"


def epoch_line(event: EpochEnded) -> str:
    """Return an epoch as a line."""
    return f"epoch {event.epoch} of {event.epochs}: {metadata(event)}, {event.seconds:.1f} s"


def metadata(event: EpochEnded) -> str:
    """Return the numbers of an epoch."""
    text = f"loss {event.loss:.4f}, learning rate {event.learning_rate:.3g}"
    if event.accuracy is None:
        return text
    return f"{text}, calibrate {' / '.join(percent(share) for share in event.accuracy)}"


def trained(event: NetworkTrained) -> str:
    """Return a finished network as a line."""
    exits = " / ".join(percent(share, 2) for share in event.accuracy)
    trained_before = " (trained before)" if event.was_known else ""
    line = f"{NETWORK_NAMES[event.role]} {event.key}{trained_before}: exits {exits} on calibrate"
    if len(event.accuracy) == 1:
        return line
    cost = metric_value(event.cost_metric, event.policy_cost)
    line += f"; its policy, fitted there, {percent(event.policy_accuracy, 2)} at {cost} {event.cost_metric}"
    return (
        line
        if event.target_check is None
        else " ".join([f"{line}.", event.target_check["text"], *event.target_check["notes"]])
    )


def trial(event: TrialEnded) -> str:
    """Return a try of hyperparameters in words."""
    return f"{percent(event.accuracy, 2)} after {count(event.epochs, 'epoch')}: {settings(event.settings)}"


def tuned(event: Tuned) -> str:
    """Return the best hyperparameters as a line."""
    tuned_before = " (tuned before)" if event.was_known else ""
    score = percent(event.accuracy, 2)
    return f"best settings{tuned_before}: {settings(event.settings)}; {score} on select; {event.file}"


def settings(values: Mapping[str, Any]) -> str:
    """Return hyperparameters in words."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
    )
