"""Options that several commands share, and the kinds of values that they take."""

from __future__ import annotations

import argparse


def add_json(parser: argparse.ArgumentParser, what: str = "one JSON object") -> None:
    """Add the option that prints for programs; ``what`` says what it prints."""
    parser.add_argument("--json", action="store_true", help=f"{what} on standard output")


def add_events(parser: argparse.ArgumentParser) -> None:
    """Add the option that prints every event for programs."""
    add_json(parser, "one JSON object per event")


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the option that overrides fields of a search-space file."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field, e.g. --set search.generations=20 (repeatable)",
    )  # fmt: skip


def add_allow_code(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the option that lets a command run code from outside; ``purpose`` says what it needs it for."""
    parser.add_argument(
        "--allow-code", action="store_true",
        help=f"run code from outside AEBNAS that is named there (package.module:Name), {purpose}; "
        "only if you wrote or have read it",
    )  # fmt: skip


def add_run_of_file(parser: argparse.ArgumentParser) -> None:
    """Add what names a search-space file and the run that is made of it."""
    parser.add_argument("file", help="a search-space file")
    parser.add_argument("--name", help="name of the run; default: the file's name field")
    parser.add_argument(
        "--runs", default="runs", metavar="DIR", help="folder of the run directories (default runs)"
    )
    add_overrides(parser)
    add_events(parser)


def add_moved_data(parser: argparse.ArgumentParser) -> None:
    """Add the option that names where the images are now."""
    parser.add_argument(
        "--data", metavar="PATH",
        help="the folder or .npz file where the images are now, if they have moved; they must be the same",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how many threads an exported network takes."""
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="per operator (default 1)")


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
