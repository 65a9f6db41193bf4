"""``aebnas train``."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.options import above_zero, add_events, add_moved_data, device, positive, share
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.cli.views.training_views import TrainingView
    from aebnas.train.full.checkpoint import Trained
    from aebnas.train.full.events import FinalEvent


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("source", help="a run directory, or a winner file: runs/NAME/winners/KEY.yaml")
    _add_selection(parser)
    _add_settings(parser)
    _add_distillation(parser)
    parser.add_argument("-o", "--output", metavar="DIR", help="default: RUN/trained/KEY")
    add_moved_data(parser)
    parser.add_argument(
        "--device", type=device, metavar="DEVICE", help="cpu or cuda:N; default: a GPU where there is one"
    )
    parser.add_argument("--again", action="store_true", help="forget what was trained there before")
    add_events(parser)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which point of the run's front is trained."""
    selection = parser.add_argument_group("which network")
    selection.add_argument(
        "--pick", metavar="WHAT",
        help="of a run: knee (default: the point of the front farthest above the line between its ends), "
        "best (most accurate), METRIC:BOUND (most accurate within it: macs:5e6, latency_ms:2), or a "
        "network's key",
    )  # fmt: skip
    point = selection.add_mutually_exclusive_group()
    point.add_argument(
        "--budget-fraction", type=share, metavar="SHARE",
        help="of its own full cost that the exit policy may spend; default: that of the point",
    )  # fmt: skip
    point.add_argument(
        "--point", type=positive, metavar="N",
        help="which of the network's points on the front, from 1 by rising cost; default: the most accurate",
    )  # fmt: skip


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how it is trained."""
    settings = parser.add_argument_group("training")
    settings.add_argument("--epochs", type=positive, metavar="N", help="short for --set training.epochs=N")
    settings.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field of training or exits, e.g. --set training.learning_rate=0.1 (repeatable)",
    )  # fmt: skip
    settings.add_argument(
        "--inherit", action="store_true",
        help="begin with the weights that the run's supernet holds (evaluation.fidelities: [inherited])",
    )  # fmt: skip
    settings.add_argument(
        "--static", action="store_true",
        help="train the same network without early exits too, into DIR/static",
    )  # fmt: skip
    settings.add_argument(
        "--tune", type=positive, default=0, metavar="N",
        help="first try N settings of learning rate, weight decay, label smoothing, batch size and loss on "
        "Ray Tune: trained on train, scored on select",
    )  # fmt: skip


def _add_distillation(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training that learns from another network's answers."""
    distillation = parser.add_argument_group("distillation")
    teacher = distillation.add_mutually_exclusive_group()
    teacher.add_argument(
        "--distill", action="store_true",
        help="learn the answers of the space's largest network too, which is trained first",
    )  # fmt: skip
    teacher.add_argument(
        "--teacher", metavar="NETWORK",
        help="learn the answers of this network too: the folder of a trained one, package.module:Name of "
        "your own code, a .pt2 or .aebnas file; default: the teacher of the search, if any",
    )  # fmt: skip
    distillation.add_argument(
        "--distill-share", type=share, default=0.5, metavar="SHARE",
        help="of those answers in every exit's loss (default 0.5)",
    )  # fmt: skip
    distillation.add_argument(
        "--distill-temperature", type=above_zero, default=3.0, metavar="T",
        help="of those answers (default 3)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Train a network of a run in full."""
    from aebnas.cli.views.training_views import make_training_view
    from aebnas.search.workers.cluster.contract import ClusterLostError

    with make_training_view(arguments.json) as view, Interrupts() as interrupts:
        try:
            trained = _train(arguments, view, interrupts)
            view.finished(trained.folder)
            print_if_unseen(f"the network is trained: {trained.folder}")
        except KeyboardInterrupt:
            view.interrupted(_again(arguments))
            print_if_unseen(f"interrupted; finished epochs are kept. Continue: {_again(arguments)}")
            return INTERRUPTED
        except ClusterLostError as error:
            raise ClusterLostError(f"{error}: {_again(arguments)}") from error
    return 0


def _train(arguments: argparse.Namespace, view: TrainingView, interrupts: Interrupts) -> Trained:
    from aebnas.api.networks import train_winner
    from aebnas.train.full.events import TuningBegan

    def listen(event: FinalEvent) -> None:
        if isinstance(event, TuningBegan):
            interrupts.renew()  # Ray's start takes SIGTERM over
        view(event)

    return train_winner(
        arguments.source,
        arguments.pick,
        budget_fraction=arguments.budget_fraction,
        point=arguments.point,
        folder=arguments.output,
        overrides=_overrides(arguments),
        inherit=arguments.inherit,
        distill=arguments.distill,
        teacher=arguments.teacher,
        distill_share=arguments.distill_share,
        distill_temperature=arguments.distill_temperature,
        tune=arguments.tune,
        static=arguments.static,
        device=arguments.device,
        data=arguments.data,
        again=arguments.again,
        listener=listen,
        progress=not arguments.json,
    )


def _again(arguments: argparse.Namespace) -> str:
    """Return the command that continues; a second --again would forget what was saved."""
    return shlex.join(["aebnas", *(word for word in arguments.command_line if word != "--again")])


def _overrides(arguments: argparse.Namespace) -> list[str]:
    overrides = list(arguments.overrides)
    if arguments.epochs is not None:
        if any(override.partition("=")[0].strip() == "training.epochs" for override in overrides):
            raise ConfigError("--epochs is short for --set training.epochs: give one of them")
        overrides.append(f"training.epochs={arguments.epochs}")
    return overrides


COMMAND = Command(
    "train",
    "train a network of a run in full",
    "Train a network that a search found in full: on train and select together, with the search's "
    "settings and three times its epochs; its exit policy is fitted anew on calibrate. Every epoch is "
    "saved: interrupted, the same command continues.",
    add_options,
    run,
    is_consent=True,
)
