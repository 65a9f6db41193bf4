"""The tables of all commands: a number is whole or absent, at any width.

A table that is too wide breaks its heads, folds its columns of words, does without its least columns and says
which, and becomes a list in the end.  rich is imported when a table is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from aebnas.terminal.fitting import FittedText, longest_number, longest_word, printable, widest, wrapped

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

LEAST_FOLD = 12
"""Cells that a column of words keeps."""


@dataclass(frozen=True)
class FittedColumn:
    """A column of a table."""

    header: str
    cells: tuple[str, ...]
    is_text: bool = False
    """Aligned to the left."""
    folds: bool = False
    """Whether its cells may take several lines each."""

    @cached_property
    def width(self) -> int:
        """Return the cells that its longest line takes."""
        return widest([self.header, *self.cells])


@dataclass(frozen=True)
class FittedTable:
    """A table for a console, whatever its width; the first column names the row."""

    columns: Sequence[FittedColumn]
    title: str = ""
    caption: str = ""
    least_first: Sequence[str] = ()
    """Heads of the columns that a narrow console does without, in this order."""
    legend: Mapping[str, str] = field(default_factory=dict)
    """What heads mean: said of those that are shown."""
    breaks_heads: bool = True
    width: int | None = None
    """At most, whatever the console's."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield title, rows, caption and what was left out."""
        width = min(options.max_width, self.width or options.max_width)
        if self.title:
            yield FittedText(self.title, "table.title")
        left_out: list[str] = []
        shaped = self._shaped(width, left_out)
        if shaped is None:
            yield from self._lines(width)
            left_out = []
        else:
            yield _table(shaped)
        meanings = "; ".join(meaning for head, meaning in self.legend.items() if head not in left_out)
        captions = (
            self.caption,
            f"{meanings}." if meanings else "",
            f"Columns that do not fit here: {', '.join(left_out)}." if left_out else "",
        )
        yield from (FittedText(text, "table.caption") for text in captions if text)

    def _shaped(self, width: int, left_out: list[str]) -> list[FittedColumn] | None:
        """Return the columns as they fit, and note those that do not; None: a table cannot be."""
        columns = [_printable(column) for column in self.columns]
        for name in (None, *self.least_first):
            if name in [column.header for column in columns]:
                columns = [column for column in columns if column.header != name]
                left_out.append(str(name))
            elif name is not None:
                continue
            shaped = _fitting(columns, width, self.breaks_heads)
            if shaped is not None:
                return shaped
        return None

    def _lines(self, width: int) -> Iterator[FittedText]:
        """Yield every row as a list of its values."""
        first, *others = [_printable(column) for column in self.columns]
        for i, name in enumerate(first.cells):
            if name:
                head = f"{first.header}: " if first.header and not first.is_text else ""
                yield FittedText(f"{head}{name}", "bold")
            for column in others:
                if column.cells[i]:
                    lines = wrapped(f"{column.header}: {column.cells[i]}", max(1, width - 2))
                    yield FittedText("\n".join(f"  {line}" for line in lines))


def table_of_rows(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str = "",
    caption: str = "",
    least_first: Sequence[str] = (),
) -> FittedTable:
    """Return a table whose first column names its rows and may be folded; the others hold numbers."""
    columns = [
        FittedColumn(head, tuple(row[i] for row in rows), is_text=not i, folds=not i)
        for i, head in enumerate(heads)
    ]
    return FittedTable(columns, title, caption, least_first)


def _fitting(columns: list[FittedColumn], width: int, breaks_heads: bool) -> list[FittedColumn] | None:
    """Return the columns, with broken heads and folded words if need be; None: they do not fit."""
    shapes = [columns, [_with_broken_head(column) for column in columns]] if breaks_heads else [columns]
    for shape in shapes:
        shaped = list(shape)
        for i in sorted(range(len(shaped)), key=lambda i: -shaped[i].width):
            too_much = _width(shaped) - width
            if too_much > 0 and shaped[i].folds:
                shaped[i] = _folded(shaped[i], shaped[i].width - too_much)
        if _width(shaped) <= width:
            return shaped
    return None


def _folded(column: FittedColumn, width: int) -> FittedColumn:
    width = max(width, LEAST_FOLD, *map(longest_number, column.cells))
    folded = tuple("\n".join(wrapped(cell, width)) for cell in column.cells)
    return replace(column, header="\n".join(wrapped(column.header, width)), cells=folded)


def _with_broken_head(column: FittedColumn) -> FittedColumn:
    width = max(widest(column.cells), longest_word(column.header))
    return replace(column, header="\n".join(wrapped(column.header, width)))


def _printable(column: FittedColumn) -> FittedColumn:
    cells = tuple(printable(cell).replace("\n", " ") for cell in column.cells)
    return replace(column, header=printable(column.header), cells=cells)


def _table(columns: Sequence[FittedColumn]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(
            Text(column.header), justify="left" if column.is_text else "right", no_wrap=True, vertical="top"
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _width(columns: Sequence[FittedColumn]) -> int:
    """Return the cells of a whole line: an edge on both sides, two cells between columns."""
    return sum(column.width for column in columns) + 2 * len(columns)
