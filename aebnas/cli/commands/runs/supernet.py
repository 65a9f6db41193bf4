"""``aebnas supernet``: train the shared weights that candidates inherit, without a search."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from aebnas.cli.command import Command
from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.options import add_run_of_file
from aebnas.cli.searching import run_name
from aebnas.cli.streams import print_if_unseen


def run(arguments: argparse.Namespace) -> int:
    """Train the supernet of a file into ``PATH/supernet``, or go on with it."""
    from aebnas.api.files import load_search_file
    from aebnas.api.searching import train_supernet

    config = load_search_file(arguments.file, arguments.overrides)
    path = Path(arguments.runs) / run_name(arguments.name or config.name)
    from aebnas.cli.views.choosing import make_view
    from aebnas.cli.views.views import interruption

    with make_view(arguments.json) as view, Interrupts():
        try:
            train_supernet(
                arguments.file, path, overrides=arguments.overrides, listener=view, on_step=view.status
            )
            print_if_unseen(f"the supernet is trained: {path / 'supernet'}")
        except KeyboardInterrupt:
            command = f"aebnas supernet {_words(arguments)}"
            view.interrupted(path, None, command)
            print_if_unseen(interruption(path, None, command))
            return INTERRUPTED
    return 0


def _words(arguments: argparse.Namespace) -> str:
    command_line = [arguments.file, "--runs", arguments.runs]
    command_line += ["--name", arguments.name] if arguments.name else []
    command_line += ["--json"] if arguments.json else []
    command_line += [word for override in arguments.overrides for word in ("--set", override)]
    return shlex.join(command_line)


COMMAND = Command(
    "supernet",
    "train the shared weights that candidates inherit",
    "Train the supernet of a search-space file into runs/NAME/supernet, or continue it. Searches with "
    "evaluation.fidelities: [inherited] on the same space and data use it.",
    add_run_of_file,
    run,
    is_consent=True,
)
