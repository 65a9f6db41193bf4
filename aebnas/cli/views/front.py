"""The front of a run on a terminal: what exits gained, the networks with exits, and those without."""

from __future__ import annotations

from rich.console import Console

from aebnas.report.text.static_table import static_table
from aebnas.report.text.static_text import format_gain
from aebnas.report.text.terminal import contents_table
from aebnas.runs.contents import RunContents
from aebnas.runs.static.gain import StaticComparison
from aebnas.terminal.fitting import FittedText


def print_front(
    console: Console, run: RunContents, comparison: StaticComparison | None, width: int | None = None
) -> None:
    """Print what exits gained over static networks, the front, and the static networks beside it.

    Args:
        console: Where to.
        run: The contents of the run.
        comparison: What its exits gained over its static networks; None: it has none.
        width: Of tables, at most; default: the console's.
    """
    width = console.width if width is None else width
    if comparison is not None and run.front:
        console.print(FittedText(format_gain(comparison), "bold"), soft_wrap=False)
    console.print(contents_table(run, width=width), soft_wrap=False)
    if comparison is not None and run.front:
        console.print(static_table(run, comparison, width=width), soft_wrap=False)
