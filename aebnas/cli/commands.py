"""The commands; each returns its exit code.

Heavy libraries are imported where they are used: a mistake in a file is told
before torch is read from the disk.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.streams import tell_if_unseen
from aebnas.config import SearchFile, load, starter_file
from aebnas.errors import ConfigError
from aebnas.evaluation.plan import plan_of
from aebnas.files.atomic import write_atomically

if TYPE_CHECKING:
    from aebnas.cli.views.views import View
    from aebnas.search.events import Event, Listener
    from aebnas.search.search import Search

RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def init(arguments: argparse.Namespace) -> int:
    """Write the starter file."""
    path = Path(arguments.file)
    if path.exists() and not arguments.force:
        raise ConfigError(f"{path} exists already; overwrite it with --force, or name another file")
    try:
        write_atomically(path, starter_file().encode())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
    file = shlex.quote(str(path))
    print(f"{path} is ready. See what it spans: aebnas check {file}   Search it: aebnas search {file}")
    tell_if_unseen(f"{path} is ready")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Validate a file and describe its space."""
    config = load(arguments.file, arguments.overrides)
    from aebnas.cli.running.describe import describe

    describe(config, arguments.file, arguments.samples, arguments.json)
    return 0


def search(arguments: argparse.Namespace) -> int:
    """Start a run."""
    config = load(arguments.file, arguments.overrides)
    path = Path(arguments.runs) / _run_name(arguments.name or config.name)
    from aebnas.runs.store.location import refuse_existing

    refuse_existing(path)  # before torch is imported and data are read
    from aebnas.cli.views.choosing import make_view

    with make_view(arguments.json) as view:

        def open_session(listener: Listener) -> AbstractContextManager[Search]:
            from aebnas.search.session import new_session

            return new_session(config, path, listener, progress=not arguments.json)

        return _run(open_session, path, config.report.enabled, view)


def resume(arguments: argparse.Namespace) -> int:
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

        return _run(open_session, path, config.report.enabled, view)


def report(arguments: argparse.Namespace) -> int:
    """Write the report of one or several runs."""
    from aebnas.report import write_figures, write_report
    from aebnas.runs.store.store import RunStore

    folder = None if arguments.output is None else Path(arguments.output)
    stores = [RunStore(Path(run)) for run in arguments.runs]
    files = write_report(stores, folder)
    if arguments.figures is not None:
        write_figures(stores, Path(arguments.figures))
    print(files.page)
    tell_if_unseen(f"report: {files.page}")
    return 0


def profile(arguments: argparse.Namespace) -> int:
    """Profile a device, or validate a profile."""
    from aebnas.cli.running.profiling import profile as run

    return run(arguments)


def devices(arguments: argparse.Namespace) -> int:
    """List devices and profiles."""
    from aebnas.cli.running.device_list import devices as run

    return run(arguments)


def rescore(arguments: argparse.Namespace) -> int:
    """Show a run's front for another device."""
    from aebnas.cli.running.rescoring import rescore as run

    return run(arguments)


def exits(arguments: argparse.Namespace) -> int:
    """Compare all exit policies on a trained network of a run."""
    from aebnas.cli.running.exit_policies import exits as run

    return run(arguments)


def export_study(arguments: argparse.Namespace) -> int:
    """Write a run into an Optuna storage."""
    from aebnas.report.files.optuna_study import export_study as export
    from aebnas.report.files.study_storage import shown
    from aebnas.runs.frame import load_run

    trials = export(load_run(arguments.run), arguments.storage, arguments.name)
    print(f"{trials} trials: optuna-dashboard {shlex.quote(shown(arguments.storage))}")
    tell_if_unseen(f"{trials} trials are written")
    return 0


def train(arguments: argparse.Namespace) -> int:
    """Train a network of a run in full."""
    from aebnas.cli.running.training import train as run

    return run(arguments)


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a trained network on the test images."""
    from aebnas.cli.running.evaluating import evaluate as run

    return run(arguments)


def export(arguments: argparse.Namespace) -> int:
    """Export a checkpoint."""
    from aebnas.cli.running.deploying import export as run

    return run(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Classify images with an exported network."""
    from aebnas.cli.running.classifying import run as classify

    return classify(arguments)


def bench(arguments: argparse.Namespace) -> int:
    """Measure an exported network with and without early exits."""
    from aebnas.cli.running.deploying import bench as run

    return run(arguments)


def supernet(arguments: argparse.Namespace) -> int:
    """Train the shared weights of a file's space."""
    config = load(arguments.file, arguments.overrides)
    if not plan_of(config).inherits:  # a supernet serves searches of other settings too
        config = load(arguments.file, ["evaluation.fidelities=[inherited]", *arguments.overrides])
    path = Path(arguments.runs) / _run_name(arguments.name or config.name)
    from aebnas.cli.running.supernets import supernet as run

    return run(arguments, config, path)


def _run(
    open_session: Callable[[Listener], AbstractContextManager[Search]],
    path: Path,
    with_report: bool,
    view: View,
) -> int:
    """Run a search to its end, write the report, and tell both."""
    with Interrupts() as interrupts:
        from aebnas.cli.views.views import ending, interruption
        from aebnas.search.events import WorkersStarted

        def listen(event: Event) -> None:
            if isinstance(event, WorkersStarted):
                interrupts.renew()
            view(event)

        try:
            view.status("reading data")
            with open_session(listen) as one:
                view.status("costing the space")
                for _ in one.run():
                    pass
            page = _write_report(path, view) if with_report else None
            view.finished(path, page)
            tell_if_unseen(f"{path} is finished. {ending(path, page)}")
        except KeyboardInterrupt:
            kept = _kept(path)
            view.interrupted(path, kept)
            tell_if_unseen(interruption(path, kept))
            return INTERRUPTED
    return 0


def _write_report(path: Path, view: View) -> Path:
    from aebnas.report import write_report
    from aebnas.runs.store.store import RunStore

    view.status("writing the report")
    return write_report([RunStore(path)]).page


def _changed_config(path: Path, overrides: list[str]) -> SearchFile:
    """Return a run's configuration with its changes; mistakes are told before torch is imported."""
    from aebnas.runs.store.store import RunStore

    store = RunStore(path)
    try:
        unchanged = store.config  # damage there is the run's; what is wrong behind it is an override
    finally:
        store.close()
    return load(path / "config.yaml", overrides) if overrides else unchanged


def _kept(path: Path) -> int | None:
    """Return how many candidates a run holds; None: it was not begun."""
    from aebnas.runs.store.store import RunStore

    if not (path / "run.sqlite").is_file():
        return None
    store = RunStore(path)
    try:
        return store.count()
    finally:
        store.close()


def _run_name(name: str) -> str:
    if not RUN_NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name!r}: a run's name has 1 to 100 letters (a to z), digits, '_', '-' and '.', "
            "and begins with none of the last two"
        )
    return name
