"""A search under a view: what ``aebnas search`` and ``aebnas resume`` share."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.cli.views.views import View
    from aebnas.search.events import Event, Listener
    from aebnas.search.search import Search

RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def run_name(name: str) -> str:
    """Return the name of a run.

    Raises:
        ConfigError: No folder is called so.
    """
    if not RUN_NAME.fullmatch(name):
        raise ConfigError(
            f"--name {name!r}: a run's name has 1 to 100 letters (a to z), digits, '_', '-' and '.', "
            "and begins with none of the last two"
        )
    return name


def run_under_view(
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
            with open_session(listen) as search:
                view.status("costing the space")
                for _ in search.run():
                    pass
            page = _write_report(path, view) if with_report else None
            view.finished(path, page)
            print_if_unseen(f"{path} is finished. {ending(path, page)}")
        except KeyboardInterrupt:
            kept = _kept(path)
            view.interrupted(path, kept)
            print_if_unseen(interruption(path, kept))
            return INTERRUPTED
    return 0


def _write_report(path: Path, view: View) -> Path:
    from aebnas.report import write_report
    from aebnas.runs.store.store import RunStore

    view.status("writing the report")
    return write_report([RunStore(path)]).page


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
