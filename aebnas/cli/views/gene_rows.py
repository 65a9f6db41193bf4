"""Genes for people: equal genes of neighbouring blocks share a row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from aebnas.space.drawing import format_size
from aebnas.space.genes import ABSENT, Gene

_NUMBERED = re.compile(r"(block|module)(\d+)\.(\w+)")


class GeneRow(NamedTuple):
    """One or several genes with the same choices."""

    group: str
    """Stage or exit."""
    name: str
    """As in ``width`` or ``block1-3.kernel``."""
    choices: str


def gene_rows(genes: Iterable[Gene]) -> list[GeneRow]:
    """Return the genes in order; those of ``block1``, ``block2``, ... with equal choices as one row."""
    rows: dict[tuple[str, str, str, str], list[int]] = {}
    for gene in genes:
        name = gene.name.removeprefix(f"{gene.group}.")
        match = _NUMBERED.fullmatch(name)
        part, number, field = match.groups() if match else ("", "0", name)
        key = (gene.group, part, field, _choices(gene))
        rows.setdefault(key, []).append(int(number))
    return [
        GeneRow(group, f"{_span(part, numbers)}{field}", choices)
        for (group, part, field, choices), numbers in rows.items()
    ]


def _span(part: str, numbers: list[int]) -> str:
    """Return ``block1-3.`` for numbers that follow each other; they do, as every block has the same genes."""
    if not part:
        return ""
    return f"{part}{numbers[0]}." if len(numbers) == 1 else f"{part}{numbers[0]}-{numbers[-1]}."


def _choices(gene: Gene) -> str:
    is_count = gene.name.endswith(".modules")
    return ", ".join("absent" if is_count and choice == ABSENT else _word(choice) for choice in gene.choices)


def _word(choice: Any) -> str:
    if isinstance(choice, bool):
        return str(choice).lower()
    if isinstance(choice, tuple):
        return format_size(choice)
    return f"{choice:g}" if isinstance(choice, float) else str(choice)
