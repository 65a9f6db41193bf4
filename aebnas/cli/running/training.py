"""``aebnas train``."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.streams import tell_if_unseen
from aebnas.errors import ConfigError
from aebnas.search.workers.cluster.contract import ClusterLostError

if TYPE_CHECKING:
    from aebnas.train.full.events import FinalEvent
    from aebnas.train.full.winner_training import TrainingOptions


def train(arguments: argparse.Namespace) -> int:
    """Train a network of a run in full."""
    source = Path(arguments.source)
    from aebnas.data.checks.moved import moved
    from aebnas.train.select.subject import subject_of

    subject = subject_of(source, arguments.pick, arguments.budget_fraction, arguments.point)
    place = None if arguments.data is None else Path(arguments.data)
    subject = replace(subject, data=moved(subject.data, place))
    overrides = _overrides(arguments)
    from aebnas.train.full.settings import final_settings

    final_settings(subject.training, subject.exits, overrides)  # mistakes are told before torch is imported
    from aebnas.cli.views.training_views import make_training_view

    with make_training_view(arguments.json) as view, Interrupts() as interrupts:
        try:
            view.subject(subject)
            from aebnas.train.full.events import TuningBegan
            from aebnas.train.full.winner_training import plan_of, train_winner

            plan = plan_of(subject, overrides, arguments.device, progress=not arguments.json)
            options = _options(arguments)

            def listen(event: FinalEvent) -> None:
                if isinstance(event, TuningBegan):
                    interrupts.renew()  # Ray's start takes SIGTERM over
                view(event)

            train_winner(plan, options, listen)
            folder = options.folder or subject.folder
            view.finished(folder)
            tell_if_unseen(f"the network is trained: {folder}")
        except KeyboardInterrupt:
            view.interrupted(_again(arguments))
            tell_if_unseen(f"interrupted; finished epochs are kept. Continue: {_again(arguments)}")
            return INTERRUPTED
        except ClusterLostError as error:
            raise ClusterLostError(f"{error}: {_again(arguments)}") from error
    return 0


def _again(arguments: argparse.Namespace) -> str:
    """Return the command that continues; a second --again would forget what was saved."""
    return shlex.join(["aebnas", *(word for word in arguments.words if word != "--again")])


def _overrides(arguments: argparse.Namespace) -> list[str]:
    overrides = list(arguments.overrides)
    if arguments.epochs is not None:
        if any(one.partition("=")[0].strip() == "training.epochs" for one in overrides):
            raise ConfigError("--epochs is short for --set training.epochs: give one of them")
        overrides.append(f"training.epochs={arguments.epochs}")
    return overrides


def _options(arguments: argparse.Namespace) -> TrainingOptions:
    from aebnas.train.full.winner_training import TrainingOptions
    from aebnas.training.losses.teaching import Lesson

    lesson = Lesson(arguments.distill_share, arguments.distill_temperature) if arguments.distill else None
    return TrainingOptions(
        folder=Path(arguments.output) if arguments.output else None,
        lesson=lesson,
        inherit=arguments.inherit,
        tune=arguments.tune,
        static=arguments.static,
        again=arguments.again,
    )
