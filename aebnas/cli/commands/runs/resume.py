"""``aebnas resume``."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.options import add_events, add_moved_data, add_overrides
from aebnas.cli.searching import run_under_view

if TYPE_CHECKING:
    from aebnas.config import SearchFile
    from aebnas.search.events import Listener
    from aebnas.search.search import Search


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    parser.add_argument(
        "--retry-failures", action="store_true",
        help="try again what failed for lack of memory, with its worker or by workers.timeout_minutes; "
        "generations after it may turn out differently",
    )  # fmt: skip
    add_moved_data(parser)
    add_overrides(parser)
    add_events(parser)


def run(arguments: argparse.Namespace) -> int:
    """Continue a run."""
    path = Path(arguments.run)
    config = _changed_config(path, arguments.overrides)
    from aebnas.cli.views.choosing import make_view

    with make_view(arguments.json) as view:

        def open_session(listener: Listener) -> AbstractContextManager[Search]:
            from aebnas.search.session import resumed_session

            return resumed_session(
                path,
                arguments.overrides,
                listener,
                progress=not arguments.json,
                retry_failures=arguments.retry_failures,
                data=None if arguments.data is None else Path(arguments.data),
            )

        return run_under_view(open_session, path, config.report.enabled, view)


def _changed_config(path: Path, overrides: list[str]) -> SearchFile:
    """Return a run's configuration with its changes; mistakes are told before torch is imported."""
    from aebnas.config import load
    from aebnas.runs.store.store import RunStore

    store = RunStore(path)
    try:
        unchanged = store.settled  # damage there is the run's; what is wrong behind it is an override
    finally:
        store.close()
    return load(path / "config.yaml", overrides) if overrides else unchanged


COMMAND = Command(
    "resume",
    "continue an interrupted run, or extend a finished one",
    "Continue a run. Changes are allowed in when to stop (search.generations, search.max_trainings, "
    "search.max_minutes), who is trained in the end (evaluation.fidelities), workers and report; for a "
    "supernet's training supernet.processes and supernet.checkpoint_seconds.",
    add_options,
    run,
    is_consent=True,
)
