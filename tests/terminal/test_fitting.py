"""Text and tables of any width: a number is whole or absent, and no line is too long."""

import io
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from aebnas.terminal.fitting import FittedText, cells, shortened, wrapped
from aebnas.terminal.tables import FittedColumn, FittedTable, table_of_rows

NUMBER = re.compile(r"\d[\d.,]*(?:[eE][-+]?\d+)?%?")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Nd", "No", "Nl", "Cs"]), max_size=12)
NUMBERS = st.one_of(
    st.floats(-1e12, 1e12).map(lambda value: f"{value:.4g}"),
    st.integers(-(10**9), 10**9).map(lambda value: f"{value:,}"),
    st.floats(0, 1).map(lambda value: f"{value:.2%}"),
)
TEXTS = st.lists(st.one_of(WORDS, NUMBERS), max_size=6).map(" ".join)


def numbers(text: str) -> Counter[str]:
    return Counter(NUMBER.findall(text))


def rendered(shown: object, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False)
    console.print(shown)
    return console.file.getvalue()  # type: ignore[attr-defined]


@given(TEXTS, st.integers(1, 60))
def test_wrapped_text_has_whole_numbers_in_lines_that_fit(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cells(line) <= max(width, 2) for line in lines), "a wide character takes two"
    assert numbers("\n".join(lines)) <= numbers(text)
    if width >= 20:
        assert numbers("\n".join(lines)) == numbers(text), "none is missing where all fit"


@given(TEXTS, st.integers(1, 60))
def test_shortened_text_has_whole_numbers_and_a_mark(text: str, width: int) -> None:
    short = shortened(text, width)
    assert cells(short) <= width
    assert numbers(short) <= numbers(text)
    assert "…" in short or len(short) == len(text)


@st.composite
def tables(draw: st.DrawFn) -> FittedTable:
    rows = draw(st.integers(1, 4))
    columns = [
        FittedColumn(
            draw(WORDS),
            tuple(draw(st.lists(st.one_of(NUMBERS, TEXTS), min_size=rows, max_size=rows))),
            folds=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 8)))
    ]
    least = draw(st.lists(st.sampled_from([column.header for column in columns]), max_size=3))
    return FittedTable(columns, draw(TEXTS), draw(TEXTS), least)


@settings(max_examples=60)
@given(tables(), st.integers(6, 120))
def test_any_table_shows_whole_numbers_at_any_width(table: FittedTable, width: int) -> None:
    text = rendered(table, width)
    assert numbers(text) <= numbers(rendered(table, 2000))
    assert all(cells(line) <= width for line in text.split("\n"))


def test_columns_that_do_not_fit_are_named_and_then_the_rows_become_lists() -> None:
    rows = [("first", "12.5", "97.40% [96.0, 98.5]"), ("second", "7.25", "98.00% [97.0, 99.0]")]
    table = table_of_rows(("", "ms", "accuracy, all images"), rows, least_first=("ms",))
    assert "12.5" in rendered(table, 35)
    assert "not fit" not in rendered(table, 35)
    assert "12.5" not in rendered(table, 34)
    assert "Columns that do not fit here: ms." in rendered(table, 34)
    assert rendered(table, 25).split("\n")[:3] == ["first", "  ms: 12.5", "  accuracy, all images:"]


@pytest.mark.parametrize("name", ["名前" * 12, "x" * 70, "a\nb", "a\tb\x1b[31m", "é́" * 30])
def test_names_of_any_kind_leave_the_numbers_whole(name: str) -> None:
    table = table_of_rows(("network", "mean ms", "median"), [(name, "12.3456", "1,234.5")])
    for width in range(10, 121):
        text = rendered(table, width)
        assert "12.3456" in text
        assert "1,234.5" in text
        assert "\x1b" not in text
        assert all(cells(line) <= width for line in text.split("\n"))


def test_a_pipe_that_is_printed_to_softly_gets_one_line() -> None:
    console = Console(file=io.StringIO(), width=30, soft_wrap=True)
    console.print(FittedText("word " * 20))
    assert console.file.getvalue().count("\n") == 1  # type: ignore[attr-defined]
