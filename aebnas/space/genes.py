"""Genes: the positions of a genome, and what their indices mean.

``genes_of(space)`` lists every choice of a space section in a fixed order; a
scalar has one choice and therefore no gene.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aebnas.config.space_schema import BlockConfig, ModuleConfig, SpaceConfig

Genome = tuple[int, ...]
"""Index of each gene's choice."""
ABSENT = -1
"""Choice of an exit's ``modules`` gene that means: no exit here."""
TRADE_OFF = "trade_off"
"""Gene that picks a point of the operating curve; it changes nothing that is trained."""
SETTING = "exit_policy"
"""Gene that picks a setting of the exit policy; it changes nothing that is trained either."""
BLOCK_FIELDS = ("type", "kernel", "expansion", "se")
MODULE_FIELDS = ("type", "kernel", "width", "expansion", "se", "stride", "pool")


@dataclass(frozen=True)
class Gene:
    """One position of the genome."""

    name: str
    choices: tuple[Any, ...]
    group: str
    """Stage or exit that the gene belongs to: the unit of stage-wise crossover."""


def all_choices(
    space: SpaceConfig, resolution: int, trade_offs: tuple[float, ...], settings: tuple[str, ...] = ("",)
) -> Iterator[Gene]:
    """Yield every position, those with a single choice included.

    Args:
        space: The validated section.
        resolution: Pixels where the section leaves the resolution to the data.
        trade_offs: Choices of the ``trade_off`` gene.
        settings: Choices of the ``exit_policy`` gene.
    """
    yield Gene("resolution", space.resolution or (resolution,), "input")
    yield Gene("stem.width", space.stem.width, "input")
    for name, stage in zip(space.stage_names(), space.stages, strict=True):
        yield Gene(f"{name}.width", stage.width, name)
        yield Gene(f"{name}.depth", stage.depth, name)
        for i in range(max(stage.depth)):
            yield from _fields(stage.block, BLOCK_FIELDS, f"{name}.block{i + 1}", name)
    branch = space.exits.branch
    for name in (name for name in space.stage_names() if name in space.exits.after):
        group = f"exit.{name}"
        counts = ((ABSENT,) if space.exits.optional else ()) + branch.modules
        yield Gene(f"{group}.modules", counts, group)
        for i in range(max(branch.modules)):
            yield from _fields(branch.module, MODULE_FIELDS, f"{group}.module{i + 1}", group)
    yield Gene(TRADE_OFF, trade_offs if space.exits.after else trade_offs[-1:], TRADE_OFF)
    yield Gene(SETTING, settings if space.exits.after else settings[:1], SETTING)


def _fields(
    config: BlockConfig | ModuleConfig, fields: tuple[str, ...], prefix: str, group: str
) -> Iterator[Gene]:
    for field in fields:
        yield Gene(f"{prefix}.{field}", getattr(config, field), group)
