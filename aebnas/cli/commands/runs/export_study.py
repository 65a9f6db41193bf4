"""``aebnas export-study``."""

from __future__ import annotations

import argparse
import shlex

from aebnas.cli.command import Command
from aebnas.cli.streams import print_if_unseen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("run", help="directory of the run")
    parser.add_argument("storage", help="URL of the storage, as sqlite:///study.db")
    parser.add_argument("--name", help="name of the study (default: the run's)")


def run(arguments: argparse.Namespace) -> int:
    """Write a run into an Optuna storage."""
    from aebnas.api.results import export_study
    from aebnas.report.files.study_storage import shown

    trials = export_study(arguments.run, arguments.storage, arguments.name)
    print(f"{trials} trials: optuna-dashboard {shlex.quote(shown(arguments.storage))}")
    print_if_unseen(f"{trials} trials are written")
    return 0


COMMAND = Command(
    "export-study",
    "write a run into an Optuna storage, for optuna-dashboard",
    "Write a run into an Optuna storage, for optuna-dashboard.",
    add_options,
    run,
)
