"""A search under a view: what ``aebnas search`` and ``aebnas resume`` share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from aebnas.cli.interrupts import INTERRUPTED, Interrupts
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.runs.frame import LoadedRun
    from aebnas.search.events import Event, Listener

Searching: TypeAlias = "Callable[[Listener, Callable[[str], None]], LoadedRun]"
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


def run_under_view(search: Searching, path: Path, as_json: bool) -> int:
    """Show a search up to its end, and say where it and its report lie.

    Args:
        search: Begins or continues it, told where its events and its words go.
        path: The run.
        as_json: Show it as JSON lines.

    Returns:
        The exit code.
    """
    from aebnas.cli.views.choosing import make_view
    from aebnas.cli.views.views import ending, interruption
    from aebnas.search.events import WorkersStarted

    with make_view(as_json) as view, Interrupts() as interrupts:

        def listen(event: Event) -> None:
            if isinstance(event, WorkersStarted):
                interrupts.renew()
            view(event)

        try:
            run = search(listen, view.status)
            view.finished(path, run.page)
            print_if_unseen(f"{path} is finished. {ending(path, run.page)}")
        except KeyboardInterrupt:
            kept = _kept(path)
            view.interrupted(path, kept)
            print_if_unseen(interruption(path, kept))
            return INTERRUPTED
    return 0


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
