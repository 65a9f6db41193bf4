"""``aebnas supernet``: train the shared weights that candidates inherit, without a search."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.streams import tell_if_unseen
from aebnas.cli.views.views import View, interruption
from aebnas.config import SearchFile


def supernet(arguments: argparse.Namespace, config: SearchFile, path: Path) -> int:
    """Train the supernet of a file into ``PATH/supernet``, or go on with it."""
    from aebnas.cli.views.choosing import make_view

    with make_view(arguments.json) as view, Interrupts():
        try:
            _prepare(config, path, view)
            tell_if_unseen(f"the supernet is trained: {path / 'supernet'}")
        except KeyboardInterrupt:
            command = f"aebnas supernet {_words(arguments)}"
            view.interrupted(path, None, command)
            tell_if_unseen(interruption(path, None, command))
            return INTERRUPTED
    return 0


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
