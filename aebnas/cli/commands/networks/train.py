"""``aebnas train``."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.options import above_zero, add_events, add_moved_data, device, positive, share
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.train.full.events import FinalEvent
    from aebnas.train.full.winner_training import TrainingOptions


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("source", help="a run directory, or a winner file: runs/NAME/winners/KEY.yaml")
    parser.add_argument(
        "--pick", metavar="WHAT",
        help="of a run: knee (default: the point of the front farthest above the line between its ends), "
        "best (most accurate), METRIC:BOUND (most accurate within it: macs:5e6, latency_ms:2), or a "
        "network's key",
    )  # fmt: skip
    point = parser.add_mutually_exclusive_group()
    point.add_argument(
        "--budget-fraction", type=share, metavar="SHARE",
        help="of its own full cost that the exit policy may spend; default: that of the point",
    )  # fmt: skip
    point.add_argument(
        "--point", type=positive, metavar="N",
        help="which of the network's points on the front, from 1 by rising cost; default: the most accurate",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="DIR", help="default: RUN/trained/KEY")
    add_moved_data(parser)
    parser.add_argument("--epochs", type=positive, metavar="N", help="short for --set training.epochs=N")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field of training or exits, e.g. --set training.learning_rate=0.1 (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--distill", action="store_true",
        help="learn the answers of the space's largest network too, which is trained first",
    )  # fmt: skip
    parser.add_argument(
        "--distill-share", type=share, default=0.5, metavar="SHARE",
        help="of those answers in every exit's loss (default 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--distill-temperature", type=above_zero, default=3.0, metavar="T",
        help="of those answers (default 3)",
    )  # fmt: skip
    parser.add_argument(
        "--inherit",
        action="store_true",
        help="begin with the weights that the run's supernet holds (evaluation.fidelities: [inherited])",
    )
    parser.add_argument(
        "--static",
        action="store_true",
        help="train the same network without early exits too, into DIR/static",
    )
    parser.add_argument(
        "--tune", type=positive, default=0, metavar="N",
        help="first try N settings of learning rate, weight decay, label smoothing, batch size and loss on "
        "Ray Tune: trained on train, scored on select",
    )  # fmt: skip
    parser.add_argument("--device", type=device, help="cpu or cuda:N; default: a GPU where there is one")
    parser.add_argument("--again", action="store_true", help="forget what was trained there before")
    add_events(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train a network of a run in full."""
    source = Path(arguments.source)
    from aebnas.data.checks.moved import moved
    from aebnas.train.select.selected_network import select_network

    selected = select_network(source, arguments.pick, arguments.budget_fraction, arguments.point)
    place = None if arguments.data is None else Path(arguments.data)
    selected = replace(selected, data=moved(selected.data, place))
    overrides = _overrides(arguments)
    from aebnas.train.full.settings import final_settings

    # mistakes are told before torch is imported
    final_settings(selected.training, selected.exits, overrides, code_folder=selected.code_folder)
    from aebnas.cli.views.training_views import make_training_view
    from aebnas.search.workers.cluster.contract import ClusterLostError

    with make_training_view(arguments.json) as view, Interrupts() as interrupts:
        try:
            view.selected(selected)
            from aebnas.train.full.events import TuningBegan
            from aebnas.train.full.winner_training import plan_of, train_winner

            plan = plan_of(selected, overrides, arguments.device, progress=not arguments.json)
            options = _options(arguments)

            def listen(event: FinalEvent) -> None:
                if isinstance(event, TuningBegan):
                    interrupts.renew()  # Ray's start takes SIGTERM over
                view(event)

            train_winner(plan, options, listen)
            folder = options.folder or selected.folder
            view.finished(folder)
            print_if_unseen(f"the network is trained: {folder}")
        except KeyboardInterrupt:
            view.interrupted(_again(arguments))
            print_if_unseen(f"interrupted; finished epochs are kept. Continue: {_again(arguments)}")
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
    from aebnas.training.losses.teacher import Distillation

    distillation = (
        Distillation(arguments.distill_share, arguments.distill_temperature) if arguments.distill else None
    )
    return TrainingOptions(
        folder=Path(arguments.output) if arguments.output else None,
        distillation=distillation,
        inherit=arguments.inherit,
        tune=arguments.tune,
        static=arguments.static,
        again=arguments.again,
    )


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
