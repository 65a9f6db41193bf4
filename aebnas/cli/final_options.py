"""The options of the commands that train a chosen network and score it."""

from __future__ import annotations

import argparse


def train(command: argparse.ArgumentParser) -> None:
    """Describe ``aebnas train``."""
    command.description = (
        "Train a network that a search found in full: on train and select together, with the search's "
        "settings and three times its epochs; its exit policy is fitted anew on calibrate. Every epoch is "
        "saved: interrupted, the same command continues."
    )
    command.add_argument("source", help="a run directory, or a winner file: runs/NAME/winners/KEY.yaml")
    command.add_argument(
        "--pick", metavar="WHAT",
        help="of a run: knee (default: the point of the front farthest above the line between its ends), "
        "best (most accurate), METRIC:BOUND (most accurate within it: macs:5e6, latency_ms:2), or a "
        "network's key",
    )  # fmt: skip
    point = command.add_mutually_exclusive_group()
    point.add_argument(
        "--budget-fraction", type=share, metavar="SHARE",
        help="of its own full cost that the exit policy may spend; default: that of the point",
    )  # fmt: skip
    point.add_argument(
        "--point", type=positive, metavar="N",
        help="which of the network's points on the front, from 1 by rising cost; default: the most accurate",
    )  # fmt: skip
    command.add_argument("-o", "--output", metavar="DIR", help="default: RUN/trained/KEY")
    moved_data(command)
    command.add_argument("--epochs", type=positive, metavar="N", help="short for --set training.epochs=N")
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field of training or exits, e.g. --set training.learning_rate=0.1 (repeatable)",
    )  # fmt: skip
    command.add_argument(
        "--distill", action="store_true",
        help="learn the answers of the space's largest network too, which is trained first",
    )  # fmt: skip
    command.add_argument(
        "--distill-share", type=share, default=0.5, metavar="SHARE",
        help="of those answers in every exit's loss (default 0.5)",
    )  # fmt: skip
    command.add_argument(
        "--distill-temperature", type=above_zero, default=3.0, metavar="T",
        help="of those answers (default 3)",
    )  # fmt: skip
    command.add_argument(
        "--inherit",
        action="store_true",
        help="begin with the weights that the run's supernet holds (evaluation.fidelities: [inherited])",
    )
    command.add_argument(
        "--static",
        action="store_true",
        help="train the same network without early exits too, into DIR/static",
    )
    command.add_argument(
        "--tune", type=positive, default=0, metavar="N",
        help="first try N settings of learning rate, weight decay, label smoothing, batch size and loss on "
        "Ray Tune: trained on train, scored on select",
    )  # fmt: skip
    command.add_argument("--device", type=device, help="cpu or cuda:N; default: a GPU where there is one")
    command.add_argument("--again", action="store_true", help="forget what was trained there before")
    command.add_argument("--json", action="store_true", help="one JSON object per event on standard output")


def evaluate(command: argparse.ArgumentParser) -> None:
    """Describe ``aebnas evaluate``."""
    command.description = (
        "Score a trained network on the test images, which no other command reads: every exit, its policy, "
        "their calibration, what it costs by prediction and by really stopping, against the same network "
        "without exits and the run's best static network."
    )
    command.add_argument("checkpoint", help="folder of a trained network: runs/NAME/trained/KEY")
    moved_data(command)
    command.add_argument(
        "--static", metavar="DIR", help="a static network to compare with; default: CHECKPOINT/static"
    )
    command.add_argument(
        "--hardware", action="append", default=[], metavar="FILE",
        help="a hardware profile to predict costs with (repeatable)",
    )  # fmt: skip
    command.add_argument(
        "--images", type=from_zero, default=1000, metavar="N",
        help="test images on which the networks really stop, one by one (default 1000; 0: none)",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def moved_data(command: argparse.ArgumentParser) -> None:
    """Add the option that names where the images are now."""
    command.add_argument(
        "--data", metavar="PATH",
        help="the folder or .npz file where the images are now, if they have moved; they must be the same",
    )  # fmt: skip


def positive(text: str) -> int:
    """Return a whole number from 1 to a million."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1,000,000, but got {text}")
    return value


def from_zero(text: str) -> int:
    """Return a whole number from 0 to a million."""
    if not text.isdecimal() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 1,000,000, but got {text}")
    return int(text)


def share(text: str) -> float:
    """Return a number above 0 and at most 1."""
    value = _number(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be > 0 and <= 1, but got {text}")
    return value


def above_zero(text: str) -> float:
    """Return a number above 0 and at most 100."""
    value = _number(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"must be > 0 and <= 100, but got {text}")
    return value


def device(text: str) -> str:
    """Return ``cpu`` or ``cuda:N``."""
    name, _, index = text.partition(":")
    if text == "cuda":
        return "cuda:0"
    if text != "cpu" and not (name == "cuda" and index.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be cpu, cuda or cuda:N, but got {text}")
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
