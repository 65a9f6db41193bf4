"""Genes: the positions of a genome, and what their indices mean.

A scalar of a space section has one choice and therefore no gene.  Must not import
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Genome = tuple[int, ...]
"""Index of each gene's choice."""
ABSENT = -1
"""Choice of an exit's ``modules`` gene that means: no exit here."""
BUDGET_FRACTION = "budget_fraction"
"""Gene that picks a point of the operating curve; it changes nothing that is trained."""
SETTING = "exit_policy"
"""Gene that picks a setting of the exit policy; it changes nothing that is trained either."""

THRESHOLDS = "thresholds"
"""Group of ``budget_fraction``: groups draw in the order of their names, this one after all stages."""


def plain_choice(choice: Any) -> Any:
    """Return a choice as tables have it: ``24x32`` for a height and a width."""
    return "x".join(map(str, choice)) if isinstance(choice, tuple) else choice


@dataclass(frozen=True)
class Gene:
    """One position of the genome."""

    name: str
    choices: tuple[Any, ...]
    group: str
    """Stage or exit that the gene belongs to: the unit of stage-wise crossover."""
