"""``aebnas report``."""

from __future__ import annotations

import argparse

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code
from aebnas.cli.streams import print_error, print_if_unseen


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
    from aebnas.api.results import write_report

    files = write_report(arguments.runs, arguments.output, figures=arguments.figures)
    print(files.page)
    print_if_unseen(f"report: {files.page}")
    if files.code_not_run:
        print_error(
            f"code from outside was not run: {', '.join(files.code_not_run)}. Everything that is stored is "
            "shown; for metrics and spaces in their own words, exits, rescore, evaluate and export: "
            "--allow-code"
        )
    return 0


COMMAND = Command(
    "report",
    "write report.html, pareto.csv and winners/ of a run",
    "Write report.html, pareto.csv and winners/ of a run; several runs share one page.",
    add_options,
    run,
)
