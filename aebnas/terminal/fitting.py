"""Text that fits a width: broken or shortened at spaces, never inside a number.

rich is imported when something is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

MARK = "…"
"""Stands where something was left out."""
NUMBER = re.compile(r"[-+±]?\d+(?:[.,:]\d+)*(?:[eE][-+]?\d+)?[%kMGTP]?")
"""A number with its sign and what follows it directly."""
_SPACE = re.compile(r" (?![kMGTP](?:\W|$))")
"""Between words; "1.2 M" is one."""
_ATOMS = re.compile(rf"{NUMBER.pattern}|.")


@dataclass(frozen=True)
class FittedText:
    """A line for a console; where it is too long, it goes on below."""

    text: str
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield as many lines as the width needs; a pipe that is printed to softly gets one."""
        from rich.text import Text

        is_whole = bool(options.no_wrap) and not console.is_terminal
        for line in [printable(self.text)] if is_whole else wrapped(self.text, options.max_width):
            yield Text(line, style=self.style, no_wrap=True, overflow="ignore")


def wrapped(text: str, width: int) -> list[str]:
    """Return text as lines of at most ``width`` cells.

    They end at spaces; a longer word is broken, but not inside a number; a number that fits no line is
    replaced by a mark.
    """
    lines = []
    for paragraph in printable(text).split("\n"):
        line: str | None = None
        for word in _SPACE.split(paragraph):
            longer = word if line is None else f"{line} {word}"
            if cells(longer.rstrip()) <= width:
                line = longer
                continue
            if line is not None and line.strip():
                lines.append(line.rstrip())
            *full, line = _pieces(word, width)
            lines += full
        lines.append((line or "").rstrip())
    return lines


def shortened(text: str, width: int) -> str:
    """Return as many words as fit, and a mark where some are left out."""
    text = printable(text)
    if cells(text) <= width:
        return text
    line = ""
    for word in _SPACE.split(text):
        longer = f"{line} {word}" if line else word
        if cells(longer) + 2 > width:
            break
        line = longer
    if line.strip():
        return f"{line.rstrip()} {MARK}"
    return _beginning(text, width - 1) + MARK if width > 0 else ""


def longest_word(text: str) -> int:
    """Return the cells of the longest word."""
    return max(cells(word) for word in text.split(" "))


def longest_number(text: str) -> int:
    """Return the cells of the longest number."""
    return max(map(len, NUMBER.findall(text)), default=0)


def widest(lines: Sequence[str]) -> int:
    """Return the cells of the longest line."""
    return max((cells(line) for text in lines for line in text.split("\n")), default=0)


def cells(text: str) -> int:
    """Return the columns that text takes on a terminal: wide characters take two."""
    from rich.cells import cell_len

    return cell_len(text)


def printable(text: str) -> str:
    """Return text in which no character moves the cursor, except line breaks."""
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)


def _pieces(word: str, width: int) -> list[str]:
    pieces = [""]
    for atom in _ATOMS.findall(word) if cells(word) > width else [word]:
        atom = atom if cells(atom) <= width else MARK
        if pieces[-1] and cells(pieces[-1] + atom) > width:
            pieces.append("")
        pieces[-1] += atom
    return pieces


def _beginning(word: str, width: int) -> str:
    begun = ""
    for atom in _ATOMS.findall(word.partition(" ")[0]):
        if cells(begun + atom) > width:
            break
        begun += atom
    return begun
