"""A search as one compact panel on a terminal, gone when the search ends."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import ControlType
from rich.table import Table
from rich.text import Text

from aebnas.cli.views.front import print_front
from aebnas.cli.views.plain import (
    candidate,
    features_progress,
    fidelity,
    finals,
    format_surrogate,
    lost,
    room,
    supernet_origin,
    supernet_progress,
    time_left,
    whole,
)
from aebnas.cli.views.progress import Progress
from aebnas.cli.views.views import ending, interruption
from aebnas.report.text.run_status import time_is_up
from aebnas.runs.formatting import count, duration, landmarks, percent
from aebnas.runs.frame import load_run
from aebnas.search.events import (
    CandidateFinished,
    Event,
    FeaturesProgress,
    FidelityFinished,
    FinalsChosen,
    Noted,
    SearchStarted,
    SupernetProgress,
    SupernetReady,
    Warned,
    WorkerLost,
    WorkersChanged,
)
from aebnas.terminal.fitting import FittedText, cells, shortened

REFRESHES_PER_SECOND = 2
"""Few: the driver must leave the cores to the workers."""
MAX_WIDTH = 100
"""Columns of the panel; a narrower terminal narrows it."""
LEAST_BAR = 10
"""Columns of a bar beside its words; a shorter one stands above them."""


class LiveView:
    """A panel that is redrawn in place; what went wrong stays above it, one line each."""

    def __init__(self, console: Console) -> None:
        """Draw nothing yet.

        Args:
            console: A terminal.
        """
        self._console = console
        self._progress = Progress()
        # standard error stays untouched: a download's bar and error messages belong to it
        self._live = Live(
            console=console,
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND,
            get_renderable=self._panel,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveView:
        """Do nothing: the panel appears when the search begins."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the panel away."""
        self._clear()

    def __call__(self, event: Event) -> None:
        """Take in one event; print a line above the panel if something went wrong."""
        self._progress(event)
        match event:
            case SearchStarted() | SupernetProgress() | FeaturesProgress():
                self._erase_status()
                self._live.start()
            case SupernetReady():
                self._console.print(supernet_origin(event), style="dim", soft_wrap=True)
            case Noted():
                self._console.print(FittedText(event.text, "dim"))
            case Warned():
                self._console.print(FittedText(event.text, "yellow"))
            case FinalsChosen():
                self._console.print(FittedText(finals(event), "dim"))
            case FidelityFinished():
                self._console.print(FittedText(fidelity(event), "dim"))
            case WorkersChanged():
                self._console.print(FittedText(room(event), "yellow"))
            case WorkerLost():
                self._console.print(FittedText(lost(event), "yellow"))
            case CandidateFinished(evaluation, False):
                if not evaluation.is_done:
                    self._console.print(FittedText(candidate(evaluation), "red"))

    def status(self, text: str) -> None:
        """Show what is being done, in a line that the next one replaces."""
        self._clear()
        # no spinner: its thread would draw over the bar of a download
        text = shortened(f"{text} …", self._console.width - 1)
        self._console.print(text, style="dim", end="\r")

    def interrupted(self, path: Path, kept: int | None, command: str | None = None) -> None:
        """Say how to continue."""
        self._clear()
        self._console.print(interruption(path, kept, command), soft_wrap=True)

    def finished(self, path: Path, page: Path | None) -> None:
        """Show the front, whether the time limit cut the search, and where the report lies."""
        self._clear()
        loaded = load_run(path)
        run = loaded.contents
        print_front(self._console, run, loaded.exits_gain())
        self._console.print(FittedText(self._summary(), "dim"))
        if late := time_is_up(run):
            self._console.print(late, style="yellow", soft_wrap=True)
        self._console.print(ending(path, page), soft_wrap=True)

    def _clear(self) -> None:
        self._live.stop()
        self._erase_status()

    def _erase_status(self) -> None:
        self._console.control(Control((ControlType.ERASE_IN_LINE, 2), ControlType.CARRIAGE_RETURN))

    def _summary(self) -> str:
        progress = self._progress
        cached = f", {progress.cached} of them known before" if progress.cached else ""
        return f"{progress.done} done, {progress.failed} failed{cached}; {duration(progress.elapsed_seconds)}"

    def _panel(self) -> RenderableType:
        progress = self._progress
        if progress.supernet is not None:
            return self._supernet(progress.supernet)
        if progress.features is not None:
            return self._features(progress.features)
        if progress.started is None:
            return Text()
        text = 0 if progress.generation is None else progress.generation.number
        now = min(text + 1, progress.started.generations)
        parts = Group(self._bar(), Text(), self._details(), *self._recent())
        return self._framed(
            parts, progress.started.run, f"generation {now} of {progress.started.generations}"
        )

    def _framed(self, parts: RenderableType, title: str, subtitle: str = "") -> Panel:
        """Return a panel; its titles are shortened, or left out, where they do not fit."""
        room = self._width - 2
        return Panel(
            parts,
            title=Text(shortened(title, room), style="bold"),
            title_align="left",
            subtitle=Text(subtitle) if subtitle and cells(subtitle) <= room else None,
            subtitle_align="right",
            border_style="dim",
            padding=(0, 1),
            width=self._width + 4,
        )

    @property
    def _width(self) -> int:
        """Return the cells inside the panel."""
        return max(1, min(MAX_WIDTH, self._console.width) - 4)

    def _features(self, event: FeaturesProgress) -> RenderableType:
        here = max(1, event.done - self._progress.features_began)
        left = event.seconds * (event.blocks - event.done) / here
        rows = Table.grid(expand=True)
        rows.add_row(ProgressBar(total=event.blocks, completed=event.done, pulse=False))
        rows.add_row(FittedText(f"{features_progress(event)}, about {whole(left)} left"))
        return self._framed(rows, "features")

    def _supernet(self, event: SupernetProgress) -> RenderableType:
        accuracies = self._progress.landmarks
        left = event.seconds * (event.steps - event.step) / max(1, event.step - self._progress.supernet_began)
        rows = Table.grid(expand=True)  # a bar ends no line itself, as a Group would need
        rows.add_row(ProgressBar(total=event.steps, completed=event.step, pulse=False))
        rows.add_row(FittedText(f"{supernet_progress(event)}, about {whole(left)} left"))
        if accuracies:
            rows.add_row(FittedText(f"on calibrate: {landmarks(accuracies)}", "dim"))
        return self._framed(rows, "supernet")

    def _bar(self) -> RenderableType:
        progress = self._progress
        text = f"{progress.finished} of {count(progress.planned, progress.unit)}  {self._time_left()}"
        bar = ProgressBar(total=progress.planned, completed=progress.finished, pulse=False)
        row = Table.grid(padding=(0, 1), expand=True)
        if cells(text) + LEAST_BAR > self._width:
            row.add_row(bar)
            row.add_row(FittedText(text))
            return row
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        row.add_row(bar, Text(text))
        return row

    def _time_left(self) -> str:
        return time_left(self._progress) or ("training" if self._progress.workers else "starting workers")

    def _details(self) -> RenderableType:
        progress = self._progress
        accuracy = "–" if progress.best_accuracy is None else percent(progress.best_accuracy, 2)
        volume = "–" if progress.generation is None else f"{progress.generation.hypervolume:.4f}"
        workers = "–" if progress.workers is None else f"{progress.busy} of {progress.workers} busy"
        failed = Text(f"{progress.failed} failed", style="red" if progress.failed else "")
        cached = f", {progress.cached} known" if progress.cached else ""
        candidates = Text(f"{progress.done} done, ") + failed + cached
        details = [
            ("best accuracy", Text(accuracy, "bold")),
            ("candidates", candidates),
            ("hypervolume", Text(volume)),
            ("workers", Text(workers)),
        ]
        status = None if progress.generation is None else progress.generation.surrogate
        if status is not None:
            details.append(("surrogate", Text(format_surrogate(status))))
        return _grid(details, self._width)

    def _recent(self) -> list[RenderableType]:
        text = [candidate(evaluation) for evaluation in self._progress.recent]
        lines = [Text(shortened(line, self._width), style="dim", no_wrap=True) for line in text]
        return [Text(), *lines] if lines else []


def _grid(details: list[tuple[str, Text]], width: int) -> RenderableType:
    """Return names and values, two pairs in a row, or one where two do not fit."""
    gap = 3
    left, right = details[::2], details[1::2]
    wide = sum(
        max(cells(name) for name, _ in side) + max(value.cell_len for _, value in side)
        for side in (left, right)
    )
    if wide + 3 * gap > width:
        return Group(*(Text.assemble((name, "dim"), "  ", value) for name, value in details))
    grid = Table.grid(padding=(0, gap))
    for style in ("dim", "", "dim", ""):
        grid.add_column(style=style)
    for i, (name, value) in enumerate(left):
        grid.add_row(name, value, *(right[i] if i < len(right) else ()))
    return grid
