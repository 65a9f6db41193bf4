"""``aebnas supernet``: train the shared weights that candidates inherit, without a search."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.options import add_run_of_file
from aebnas.cli.searching import run_name
from aebnas.cli.streams import print_if_unseen

if TYPE_CHECKING:
    from aebnas.cli.views.views import View
    from aebnas.config import SearchFile


def run(arguments: argparse.Namespace) -> int:
    """Train the supernet of a file into ``PATH/supernet``, or go on with it."""
    config = _config(arguments)
    path = Path(arguments.runs) / run_name(arguments.name or config.name)
    from aebnas.cli.views.choosing import make_view
    from aebnas.cli.views.views import interruption

    with make_view(arguments.json) as view, Interrupts():
        try:
            _prepare(config, path, view)
            print_if_unseen(f"the supernet is trained: {path / 'supernet'}")
        except KeyboardInterrupt:
            command = f"aebnas supernet {_words(arguments)}"
            view.interrupted(path, None, command)
            print_if_unseen(interruption(path, None, command))
            return INTERRUPTED
    return 0


def _config(arguments: argparse.Namespace) -> SearchFile:
    from aebnas.config import load
    from aebnas.evaluation.plan import plan_of

    config = load(arguments.file, arguments.overrides)
    if not plan_of(config).inherits:  # a supernet serves searches of other settings too
        config = load(arguments.file, ["evaluation.fidelities=[inherited]", *arguments.overrides])
    return config


def _prepare(config: SearchFile, path: Path, view: View) -> None:
    from aebnas.data.datasets import load_dataset
    from aebnas.data.splits import make_splits
    from aebnas.evaluation.settings import supernet_settings
    from aebnas.files.lock import run_lock
    from aebnas.runs.store.store import storage_errors
    from aebnas.search.supernets import trained_supernet
    from aebnas.supernet.preparation import check_given, check_place
    from aebnas.supernet.storage import supernet_file

    settings = supernet_settings(config)
    view.status("reading data")
    splits = make_splits(load_dataset(config.data), config.data)
    check_place(settings, path)
    if not supernet_file(path).exists():
        check_given(settings, splits)
    with storage_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        with run_lock(path):
            trained_supernet(settings, config.workers, splits, path, view)


def _words(arguments: argparse.Namespace) -> str:
    words = [arguments.file, "--runs", arguments.runs]
    words += ["--name", arguments.name] if arguments.name else []
    words += ["--json"] if arguments.json else []
    words += [word for override in arguments.overrides for word in ("--set", override)]
    return shlex.join(words)


COMMAND = Command(
    "supernet",
    "train the shared weights that candidates inherit",
    "Train the supernet of a search-space file into runs/NAME/supernet, or continue it. Searches with "
    "evaluation.fidelities: [inherited] on the same space and data use it.",
    add_run_of_file,
    run,
    is_consent=True,
)
