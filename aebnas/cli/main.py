"""Parsing the command line and turning errors into exit codes."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import sys
from collections.abc import Sequence

from aebnas.cli.command import Command
from aebnas.cli.commands.devices import devices, profile
from aebnas.cli.commands.files import check, init
from aebnas.cli.commands.networks import bench, evaluate, export, run, train
from aebnas.cli.commands.runs import exits, export_study, report, rescore, resume, search, supernet
from aebnas.cli.help_text import HelpText
from aebnas.cli.interrupts import INTERRUPTED
from aebnas.cli.streams import GONE, GuardedStream, OutputLost, guarded_streams, print_error
from aebnas.errors import AebnasError
from aebnas.version import __version__

ALL: tuple[Command, ...] = (
    init.COMMAND,
    check.COMMAND,
    search.COMMAND,
    resume.COMMAND,
    report.COMMAND,
    profile.COMMAND,
    devices.COMMAND,
    rescore.COMMAND,
    exits.COMMAND,
    export_study.COMMAND,
    train.COMMAND,
    evaluate.COMMAND,
    export.COMMAND,
    run.COMMAND,
    bench.COMMAND,
    supernet.COMMAND,
)
"""In the order of ``aebnas --help``."""
COMMANDS = {command.name: command for command in ALL}
EXIT_CODES = """exit codes:
  0  finished
  1  other errors
  2  wrong file, override or usage
  3  something is wrong with the data
  4  a run, checkpoint or export folder
  5  workers failed
  6  a device or its profile
130  interrupted; continue with resume
141  the reader of a printing command has gone (| head)
"""
LOST_OUTPUT = (
    "Where standard output cannot be written any more, commands that keep their work on disk finish it, and "
    "say on standard error where it lies: exit code 0 after a closed pipe, 1 after a full disk. Commands "
    f"that only print ({', '.join(command.name for command in ALL if command.only_prints)}) end: 141 after a "
    "closed pipe, 1 after a full disk."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong usage raises ``SystemExit(2)``, as argparse does."""
    command_line = list(sys.argv[1:] if argv is None else argv)
    with guarded_streams() as output:
        try:
            code = _answer(command_line, output)
            output.flush()
        except OutputLost:
            code = 0
        except SystemExit:  # argparse
            with contextlib.suppress(OutputLost):
                output.flush()
            if output.lost is None:
                raise
            code = 0
        return code or _code_of_lost(output)


def _answer(command_line: list[str], output: GuardedStream) -> int:
    """Run one command; its errors are printed and become exit codes."""
    arguments = _parse(command_line)
    arguments.command_line = command_line  # what a person would type again
    command = COMMANDS[arguments.command]
    output.goes_on = not command.only_prints
    output.command = f"aebnas {command.name}"
    try:
        from aebnas.cli.allowing import with_consent

        return with_consent(arguments, command)
    except AebnasError as error:
        print_error(str(error))
        return error.exit_code
    except MemoryError as error:
        print_error(
            f"memory ran out ({str(error) or 'no more'}): smaller or fewer images (data.image_size, "
            "data.limit), smaller batches (training.batch_size) or fewer workers (workers.count) need less"
        )
        return 1
    except KeyboardInterrupt:
        print_error("interrupted")
        return INTERRUPTED
    except OutputLost:
        raise
    except OSError as error:
        print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
    except Exception as error:
        from aebnas.cli.defects import report_defect

        report_defect(error)
        return 1


def _code_of_lost(output: GuardedStream) -> int:
    """Return the exit code of a command that did its work, by what became of its output."""
    if output.lost is None:
        return 0
    if output.is_reader_gone:
        return 0 if output.goes_on else GONE
    done = "the work is done, but " if output.goes_on else ""
    print_error(f"{done}standard output is incomplete: {output.reason()}")
    return 1


def _parse(command_line: list[str]) -> argparse.Namespace:
    top = parser()
    if not command_line:
        top.print_help(sys.stderr)
        raise SystemExit(2)
    command = next((word for word in command_line if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        suggestion = f"Did you mean {near[0]!r}? " if near else ""
        top.error(f"unknown command {command!r}. {suggestion}Choices: {', '.join(COMMANDS)}.")
    return top.parse_args(command_line)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="aebnas",
        description="Search backbones and exit branches of early-exit networks together.",
        epilog=f"{EXIT_CODES}\n{LOST_OUTPUT}",
        formatter_class=HelpText,
        allow_abbrev=False,
    )
    top.add_argument("-v", "--version", action="version", version=f"aebnas {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in ALL:
        command.enter(commands)
    return top
