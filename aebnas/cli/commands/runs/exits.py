"""``aebnas exits``: all exit policies of one trained network of a run, compared."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json

if TYPE_CHECKING:
    from aebnas.report.exits.study import ExitStudy


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    parser.add_argument(
        "--candidate", metavar="KEY", help="a network of the front; default: the most accurate"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the page; default: RUN/exits.html")
    add_allow_code(parser, "to fit its policies")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Refit all policies on a run's stored logits, show the tables and write the page."""
    from aebnas.api.results import compare_policies
    from aebnas.report.page.markup import finite

    page = Path(arguments.output) if arguments.output else Path(arguments.run) / "exits.html"
    study = compare_policies(arguments.run, arguments.candidate, page=page)
    if arguments.json:
        print(json.dumps(finite({**study.to_dict(), "page": str(page)}), allow_nan=False))
    else:
        _show(study, page)
    return 0


def _show(study: ExitStudy, page: Path) -> None:
    from aebnas.cli.views.consoles import results_console
    from aebnas.report.exits.tables import exit_tables, terminal_table
    from aebnas.terminal.fitting import FittedText

    console = results_console()
    console.print(f"Candidate {study.evaluation.key} of {study.run}")
    for table in exit_tables(study):
        console.print(terminal_table(table), soft_wrap=False)
    for text in study.warnings:
        console.print(FittedText(text))
    console.print(f"Page: {page}")


COMMAND = Command(
    "exits",
    "compare all exit policies on a trained network of a run",
    "Fit every exit policy to the stored logits of one network of a run (calibrate), and compare them on "
    "images that none was fitted on (select): accuracy at budgets, calibration. Nothing is trained.",
    add_options,
    run,
    only_prints=True,
)
