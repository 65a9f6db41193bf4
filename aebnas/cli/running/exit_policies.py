"""``aebnas exits``: all exit policies of one trained network of a run, compared."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console


def exits(arguments: argparse.Namespace) -> int:
    """Refit all policies on a run's stored logits, show the tables and write the page."""
    from aebnas.report.exits.page import exit_page
    from aebnas.report.exits.study import exit_study
    from aebnas.report.exits.tables import exit_tables, terminal_table
    from aebnas.report.files.writing import write_file
    from aebnas.report.page.markup import finite
    from aebnas.runs.store.store import RunStore
    from aebnas.terminal.fitting import FittedText

    store = RunStore(Path(arguments.run))
    try:
        study = exit_study(store, arguments.candidate)
    finally:
        store.close()
    path = Path(arguments.output) if arguments.output else store.path / "exits.html"
    page = write_file(path, exit_page(study))
    if arguments.json:
        print(json.dumps(finite({**study.to_dict(), "page": str(page)}), allow_nan=False))
        return 0
    console = Console(highlight=False, markup=False)
    console.print(f"Candidate {study.evaluation.key} of {study.run}", soft_wrap=True)
    for table in exit_tables(study):
        console.print(terminal_table(table))
    for text in study.warnings:
        console.print(FittedText(text))
    console.print(f"Page: {page}", soft_wrap=True)
    return 0
