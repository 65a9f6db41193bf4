"""The commands; each returns its exit code."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.config import SearchFile, load, starter_file
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.cli.views import View
    from aebnas.search.search import Search


def init(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    path = Path(arguments.file)
    if path.exists() and not arguments.force:
        raise ConfigError(f"{path} exists already; overwrite it with --force, or name another file")
    try:
        path.write_text(starter_file())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    print(f"{path} is ready. See what it spans: aebnas check {path}   Search it: aebnas search {path}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Validate a file and describe its space."""
    config = load(arguments.file, arguments.overrides)
    from aebnas.cli.describe import describe

    describe(config, arguments.file, arguments.samples)
    return 0


def search(arguments: argparse.Namespace) -> int:
    """Start a run."""
    config = load(arguments.file, arguments.overrides)
    name = arguments.name or config.name
    if arguments.name is not None:
        config = config.model_copy(update={"name": _checked_name(name)})
    path = Path(arguments.runs) / name
    from aebnas.cli.views import make_view
    from aebnas.search.session import new_session

    with make_view(arguments.json) as view:
        return _run(new_session(config, path, view, progress=not arguments.json), path, config, view)


def resume(arguments: argparse.Namespace) -> int:
    """Continue a run."""
    path = Path(arguments.run)
    from aebnas.cli.views import make_view
    from aebnas.search.session import resumed_session
    from aebnas.search.store import RunStore

    config = RunStore(path).config
    with make_view(arguments.json) as view:
        session = resumed_session(path, arguments.overrides, view, progress=not arguments.json)
        return _run(session, path, config, view)


def report(arguments: argparse.Namespace) -> int:
    """Write the report of one or several runs."""
    from aebnas.report import write_report
    from aebnas.search.store import RunStore

    folder = None if arguments.output is None else Path(arguments.output)
    files = write_report([RunStore(Path(run)) for run in arguments.runs], folder)
    print(files.page)
    return 0


def _run(session: AbstractContextManager[Search], path: Path, config: SearchFile, view: View) -> int:
    """Run a search to its end, then write and name the report."""
    try:
        with session as one:
            _exhaust(one.run())
    except KeyboardInterrupt:
        view.interrupted(path)
        raise
    view.finished(path, config.report.enabled)
    return 0


def _exhaust(generations: Iterator[object]) -> None:
    for _ in generations:
        pass


def _checked_name(name: str) -> str:
    if not name or any(not (c.isalnum() or c in "._-") for c in name) or name.startswith("."):
        raise ConfigError(f"--name {name!r}: a run's name consists of letters, digits, '.', '_' and '-'")
    return name


