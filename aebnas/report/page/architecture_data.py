"""Architectures as a page carries them: what is drawn, and the description, both from tables of what repeats.

Must not import torch.
"""

from __future__ import annotations

from typing import Any

from aebnas.space.api import Architecture
from aebnas.space.drawing import Box, Row

BoxRow = tuple[Any, ...]
"""Words, channels, size and 1 for what gives an answer."""


class ArchitectureTable:
    """Collects the distinct boxes and parts of many architectures, in order of appearance."""

    def __init__(self) -> None:
        self._boxes: dict[BoxRow, int] = {}
        self._parts: dict[tuple[tuple[str, Any], ...], int] = {}

    @property
    def boxes(self) -> list[BoxRow]:
        """Return the boxes so far."""
        return list(self._boxes)

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Return the parts of descriptions so far: mappings of plain values."""
        return [dict(part) for part in self._parts]

    def drawn(self, architecture: Architecture) -> list[Any]:
        """Return what is drawn: the size of the input, then rows ``[name, boxes, exit name, exit boxes]``.

        Boxes are indices of ``boxes``.
        """
        drawing = architecture.drawing()
        return [list(drawing.input_size), [self._row(row) for row in drawing.rows]]

    def described(self, architecture: Architecture) -> Any:
        """Return ``to_dict`` of an architecture with ``@3`` in the place of the mapping ``parts[3]``."""
        return self._packed(architecture.to_dict())

    def _row(self, row: Row) -> list[Any]:
        boxes = [self._box(box) for box in row.boxes]
        if row.exit is None:
            return [row.name, boxes]
        return [row.name, boxes, row.exit.name, [self._box(box) for box in row.exit.boxes]]

    def _box(self, box: Box) -> int:
        row = (box.words, box.channels, box.size, int(box.is_head))
        return self._boxes.setdefault(row, len(self._boxes))

    def _packed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._packed(item) for item in value]
        if not isinstance(value, dict):
            return value
        if any(isinstance(item, list | dict) for item in value.values()):
            return {name: self._packed(item) for name, item in value.items()}
        return f"@{self._parts.setdefault(tuple(value.items()), len(self._parts))}"
