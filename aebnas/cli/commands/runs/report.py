"""``aebnas report``."""

from __future__ import annotations

import argparse
from pathlib import Path

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code
from aebnas.cli.streams import print_error, print_if_unseen
from aebnas.extensions.consent import is_allowed


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("runs", nargs="+", metavar="run", help="run directories")
    parser.add_argument(
        "-o", "--output", metavar="DIR", help="folder to write to; default: the (first) run's"
    )
    parser.add_argument(
        "--figures", metavar="DIR", help="write the main plots there too, as SVG and PNG for papers"
    )
    add_allow_code(parser, "to tell metrics and spaces in their own words")


def run(arguments: argparse.Namespace) -> int:
    """Write the report of one or several runs."""
    from aebnas.report import write_figures, write_report
    from aebnas.runs.store.store import RunStore

    folder = None if arguments.output is None else Path(arguments.output)
    stores = [RunStore(Path(path)) for path in arguments.runs]
    files = write_report(stores, folder)
    if arguments.figures is not None:
        write_figures(stores, Path(arguments.figures))
    print(files.page)
    print_if_unseen(f"report: {files.page}")
    names = dict.fromkeys(name for store in stores for name in store.settled.outside_names)
    if names and not is_allowed():
        print_error(
            f"code from outside was not run: {', '.join(names)}. Everything that is stored is shown; "
            "for metrics and spaces in their own words, exits, rescore, evaluate and export: --allow-code"
        )
    return 0


COMMAND = Command(
    "report",
    "write report.html, pareto.csv and winners/ of a run",
    "Write report.html, pareto.csv and winners/ of a run; several runs share one page.",
    add_options,
    run,
)
