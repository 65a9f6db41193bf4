"""What is drawn and said of an architecture: rows of boxes.  Must not import torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """One layer."""

    words: str
    """Such as ``mbconv k5 w40 s2 e4 se``."""
    channels: int = 0
    """Of its output; 0 where that says nothing."""
    size: tuple[int, ...] = ()
    """Height and width of its output; empty where there is none."""
    is_head: bool = False
    """Whether it gives an answer."""


@dataclass(frozen=True)
class DrawnExit:
    """An exit behind a row."""

    name: str
    """``final`` for the last classifier."""
    boxes: tuple[Box, ...]
    """Its modules, then the classifier."""


@dataclass(frozen=True)
class Row:
    """A part of the backbone that has a name, and the exit behind it."""

    name: str
    """Empty where its only box says it all."""
    boxes: tuple[Box, ...]
    exit: DrawnExit | None = None


@dataclass(frozen=True)
class Drawing:
    """A whole network, from the image on."""

    input_size: tuple[int, ...]
    rows: tuple[Row, ...]

    def lines(self) -> list[str]:
        """Return the architecture in words: the input, then one line per named row."""
        first = self.rows[0]
        lines = [f"{format_size(self.input_size)} px, {_words(first.boxes)}"]
        for row in self.rows[1:]:
            if row.name:
                line = f"{row.name}: {_words(row.boxes)}"
                if row.exit is not None and row.exit.name != "final":
                    modules = tuple(box for box in row.exit.boxes if not box.is_head)
                    line += f" ⇥ exit {_words(modules) or 'directly'}"
                lines.append(line)
        return lines


def format_size(size: tuple[int, ...]) -> str:
    """Return ``16`` for 16 x 16 pixels and ``24 × 32`` for others."""
    return str(size[0]) if len(set(size)) == 1 else " × ".join(map(str, size))


def _words(boxes: tuple[Box, ...]) -> str:
    """Return boxes in order, equal neighbours counted: ``2×residual k3 w12, pool k3``."""
    runs: list[tuple[str, int]] = []
    for box in boxes:
        if runs and runs[-1][0] == box.words:
            runs[-1] = (box.words, runs[-1][1] + 1)
        else:
            runs.append((box.words, 1))
    return ", ".join(f"{n}×{word}" if n > 1 else word for word, n in runs)
