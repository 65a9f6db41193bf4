"""Writing a report: the page, the front as CSV, the winners.

Must not import torch; pandas is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aebnas.errors import RunError
from aebnas.extensions.consent import is_allowed
from aebnas.report.files.front_csv import front_csv, winner_links
from aebnas.report.files.winners import write_winners
from aebnas.report.files.writing import write_file
from aebnas.report.page.page import page
from aebnas.runs.contents import RunContents
from aebnas.runs.reading import read_runs
from aebnas.runs.store.store import RunStore


@dataclass(frozen=True)
class ReportFiles:
    """Where a report lies."""

    page: Path
    """``report.html``."""
    table: Path
    """``pareto.csv``."""
    winners: tuple[Path, ...]
    """``winners/KEY.yaml``, or ``winners/RUN/KEY.yaml`` for several runs; by rising cost."""
    code_not_run: tuple[str, ...] = ()
    """Code from outside that the runs name and nobody allowed: all that is stored is shown without it."""


def write_report(stores: Sequence[RunStore], folder: Path | None = None) -> ReportFiles:
    """Write ``report.html``, ``pareto.csv`` and ``winners/`` of one run or several.

    Runs may be unfinished, interrupted or without any success; the page says so.
    Files of an earlier report are replaced, winners that are none any more deleted.

    Args:
        stores: The runs; several are overlaid in one page.
        folder: Where to write; default: the run's directory, and for several runs the
            folder ``compare`` in the first one's, so that no run's own report is replaced.

    Raises:
        ConfigError, RunError: A run's directory is damaged, or a file cannot be written.
    """
    if not stores:
        raise RunError("a report needs at least one run: aebnas report RUN")
    several = len(stores) > 1
    if folder is None:
        folder = stores[0].path / "compare" if several else stores[0].path
    runs = read_runs(stores)
    links: dict[tuple[str, str], str] = {}
    winner_files: list[Path] = []
    for run in runs:
        paths = write_winners(run, folder / "winners" / _folder_name(run) if several else folder / "winners")
        links |= winner_links(run, paths, folder)
        winner_files += paths
    table = write_file(folder / "pareto.csv", front_csv(runs, links))
    written = write_file(folder / "report.html", page(runs, stores, links))
    return ReportFiles(written, table, tuple(winner_files), _code_not_run(stores))


def _code_not_run(stores: Sequence[RunStore]) -> tuple[str, ...]:
    if is_allowed():
        return ()
    return tuple(dict.fromkeys(name for store in stores for name in store.settled.outside_names))


def _folder_name(run: RunContents) -> str:
    return run.label.replace(" (", "-").removesuffix(")")
