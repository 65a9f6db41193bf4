"""``aebnas search``."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.options import add_run_of_file
from aebnas.cli.searching import run_name, run_under_view

if TYPE_CHECKING:
    from aebnas.search.events import Listener
    from aebnas.search.search import Search


def run(arguments: argparse.Namespace) -> int:
    """Start a run."""
    from aebnas.config import load

    config = load(arguments.file, arguments.overrides)
    path = Path(arguments.runs) / run_name(arguments.name or config.name)
    from aebnas.runs.store.location import refuse_existing

    refuse_existing(path)  # before torch is imported and data are read
    from aebnas.cli.views.choosing import make_view

    with make_view(arguments.json) as view:

        def open_session(listener: Listener) -> AbstractContextManager[Search]:
            from aebnas.search.session import new_session

            return new_session(config, path, listener, progress=not arguments.json)

        return run_under_view(open_session, path, config.report.enabled, view)


COMMAND = Command(
    "search",
    "search from a file into runs/NAME",
    "Search from a search-space file into a new run directory.",
    add_run_of_file,
    run,
    is_consent=True,
)
