"""Parsing the command line and turning errors into exit codes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from aebnas import __version__
from aebnas.errors import AebnasError

INTERRUPTED = 130
"""Exit code after Ctrl-C."""

EXIT_CODES = """exit codes:
  0  finished        3  something is wrong with the data
  1  other errors    4  something is wrong with the run directory
  2  wrong file, override or usage    5  workers failed    130  interrupted; continue with resume"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    arguments = parser().parse_args(argv)
    from aebnas.cli import commands

    try:
        return int(getattr(commands, arguments.command)(arguments))
    except AebnasError as error:
        print(f"{error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (head, less) has gone; Python must not complain about it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="aebnas",
        description="Search backbones and exit branches of early-exit networks together.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"aebnas {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _init(commands.add_parser("init", help="write a commented search-space file"))
    _check(commands.add_parser("check", help="validate a search-space file and show how large its space is"))
    _search(commands.add_parser("search", help="search from a file into runs/NAME"))
    _resume(commands.add_parser("resume", help="continue an interrupted run, or extend a finished one"))
    _report(commands.add_parser("report", help="write report.html, pareto.csv and winners/ of a run"))
    return top


def _init(command: argparse.ArgumentParser) -> None:
    command.description = "Write a complete search-space file in which every field stands with its meaning."
    command.add_argument("file", nargs="?", default="search_space.yaml", help="default: search_space.yaml")
    command.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def _check(command: argparse.ArgumentParser) -> None:
    command.description = "Validate a search-space file and show its genes, its size and its costs."
    command.add_argument("file", help="a search-space file")
    command.add_argument("--samples", type=_positive, default=1000, help="random architectures to cost (default 1000)")
    _overrides(command)


def _search(command: argparse.ArgumentParser) -> None:
    command.description = "Search from a search-space file into a new run directory."
    command.add_argument("file", help="a search-space file")
    command.add_argument("--name", help="name of the run; default: the file's name field")
    command.add_argument("--runs", default="runs", metavar="DIR", help="folder of the run directories (default runs)")
    _overrides(command)
    _output(command)


def _resume(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Continue a run. Changes are allowed in when to stop (search.generations, search.max_trainings, "
        "search.max_minutes), workers and report."
    )
    command.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    _overrides(command)
    _output(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.description = "Write report.html, pareto.csv and winners/ of a run; several runs share one page."
    command.add_argument("runs", nargs="+", metavar="run", help="run directories")
    command.add_argument("-o", "--output", metavar="DIR", help="folder to write to; default: the (first) run's")


def _overrides(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field, e.g. --set search.generations=20 (repeatable)",
    )  # fmt: skip


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object per event on standard output")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be >= 1, but got {value}")
    return value


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
