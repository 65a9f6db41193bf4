"""``aebnas search``."""

from __future__ import annotations

import argparse
from pathlib import Path

from aebnas.cli.command import Command
from aebnas.cli.options import add_run_of_file
from aebnas.cli.searching import run_name, run_under_view


def run(arguments: argparse.Namespace) -> int:
    """Start a run."""
    from aebnas.api.files import load_search_file
    from aebnas.api.searching import run_search

    config = load_search_file(arguments.file, arguments.overrides)
    path = Path(arguments.runs) / run_name(arguments.name or config.name)
    with_progress = not arguments.json
    return run_under_view(
        lambda listener, on_step: run_search(
            config, path, listener=listener, on_step=on_step, progress=with_progress
        ),
        path,
        arguments.json,
    )


COMMAND = Command(
    "search",
    "search from a file into runs/NAME",
    "Search from a search-space file into a new run directory.",
    add_run_of_file,
    run,
    is_consent=True,
)
