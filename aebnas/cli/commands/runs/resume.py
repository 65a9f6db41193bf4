"""``aebnas resume``."""

from __future__ import annotations

import argparse
from pathlib import Path

from aebnas.cli.command import Command
from aebnas.cli.options import add_events, add_moved_data, add_overrides
from aebnas.cli.searching import run_under_view


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
    from aebnas.api.searching import resume_run

    return run_under_view(
        lambda listener, on_step: resume_run(
            arguments.run,
            arguments.overrides,
            retry_failures=arguments.retry_failures,
            data=arguments.data,
            listener=listener,
            on_step=on_step,
            progress=not arguments.json,
        ),
        Path(arguments.run),
        arguments.json,
    )


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
