"""Progress bars of any width: what does not fit is left out whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich import filesize
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import Progress, Task
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aebnas.terminal.fitting import cells, shortened

LEAST_BAR, LONGEST_BAR = 5, 40
"""Cells of a bar."""
Parts = Callable[[Task], Sequence[str]]
"""What stands behind a bar, the most important first."""


class FittedProgress(Progress):
    """One line per task: its name, a bar, how much is done, the time left, and its field ``details``."""

    def __init__(self, console: Console, parts: Parts | None = None, transient: bool = False) -> None:
        """Draw nothing yet.

        Args:
            console: A terminal.
            parts: Default: done and total as whole numbers, and the time left.
            transient: Take the bars away in the end.
        """
        self._parts = parts or counted
        # standard error stays untouched: error messages belong to it
        super().__init__(console=console, refresh_per_second=2, redirect_stderr=False, transient=transient)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the line of every task."""
        for task in self.tasks:
            yield _Line(task, self._parts(task))


@dataclass(frozen=True)
class _Line:
    task: Task
    parts: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left = options.max_width
        shown = []
        for part in self.parts:
            if cells(part) <= left:
                shown.append(part)
                left -= cells(part) + 1
        name = shortened(self.task.description, left) if left > 1 else ""
        left -= cells(name) + 1 if name else 0
        length = min(left, LONGEST_BAR)
        details = str(self.task.fields.get("details", ""))
        bar = ProgressBar(total=self.task.total, completed=self.task.completed, width=length)
        row: list[RenderableType] = [Text(name)] if name else []
        if length >= LEAST_BAR:
            row.append(bar)
            left -= length + 1
        row += map(Text, shown)
        if details and left > 0 and (text := shortened(details, left)):
            row.append(Text(text, style="dim"))
        grid = Table.grid(padding=(0, 1))
        for _ in row:
            grid.add_column(no_wrap=True)
        grid.add_row(*row)
        yield grid


def counted(task: Task) -> list[str]:
    """Return ``3/18`` and the time left."""
    total = "?" if task.total is None else f"{task.total:.0f}"
    seconds = task.time_remaining
    left = "-:--:--" if seconds is None else str(timedelta(seconds=round(seconds)))
    return [f"{task.completed:.0f}/{total}", left]


def received(task: Task) -> list[str]:
    """Return ``1.2 MB/3.4 MB`` and the speed."""
    sizes = [task.completed] + ([] if task.total is None else [task.total])
    speed = task.finished_speed or task.speed
    text = [] if speed is None else [f"{filesize.decimal(int(speed))}/s"]
    return ["/".join(filesize.decimal(int(size)) for size in sizes), *text]
