"""Help texts that fit the terminal, narrow ones too.

argparse breaks words that do not fit (``KEY.yam`` / ``l``), lets the usage of a narrow terminal run over
its edge, and joins the lines of a list.  Here words stay whole, lists stay lists, and on narrow terminals
what an option does stands below it instead of in a column of its own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterable

WIDEST = 100
"""Columns of a help text on terminals that are wider: longer lines are hard to read."""
NARROW = 60
"""Terminals of fewer columns get no column of explanations beside the options."""
LIST_MARK = re.compile(r" *\S+  ")
"""What a line of a list begins with; its further lines are indented as deep."""
USAGE_PART = re.compile(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]|\S+")
"""An option with its value in square brackets, or a word."""


class HelpText(argparse.HelpFormatter):
    """The formatter of every parser of the command line."""

    def __init__(self, prog: str) -> None:
        columns = min(shutil.get_terminal_size().columns, WIDEST)
        super().__init__(prog, max_help_position=8 if columns < NARROW else 24, width=columns - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            mark = LIST_MARK.match(line)
            hanging = " " * len(mark.group()) if mark else ""
            lines += _wrapped(line, width, indent, indent + hanging) or [""]
        return "\n".join(lines)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        text = super()._format_usage(usage, actions, groups, prefix)
        if all(len(line) <= self._width for line in text.splitlines()):
            return text
        parts = (part.replace(" ", "\N{NO-BREAK SPACE}") for part in USAGE_PART.findall(text))
        lines = _wrapped(" ".join(parts), self._width, "", "  ")
        return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ") + "\n\n"


def _wrapped(text: str, width: int, first: str = "", further: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=further,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
