"""The way back: gene indices of an architecture.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.table import BLOCKS
from aebnas.errors import ConfigError
from aebnas.space.architecture import Architecture
from aebnas.space.canonical import branch_width
from aebnas.space.genes import ABSENT, BLOCK_FIELDS, MODULE_FIELDS, SETTING, TRADE_OFF

if TYPE_CHECKING:
    from aebnas.space.search_space import SearchSpace


def values_of(space: SearchSpace, architecture: Architecture) -> dict[str, int]:
    """Return the index of the choice of every active gene.

    Raises:
        ConfigError: A value is not among the space's choices.
    """
    found = _Indices(space)
    found.put("resolution", architecture.resolution)
    found.put("stem.width", architecture.stem.width)
    found.put(TRADE_OFF, space.trade_offs[-1])
    found.put(SETTING, space.settings[0])
    for stage in architecture.stages:
        found.put(f"{stage.name}.width", stage.width)
        found.put(f"{stage.name}.depth", len(stage.blocks))
        for i, block in enumerate(stage.blocks):
            found.put_block(f"{stage.name}.block{i + 1}", block, BLOCK_FIELDS, stage.width)
    _exits(found, space, architecture)
    return found.indices


def _exits(found: _Indices, space: SearchSpace, architecture: Architecture) -> None:
    branches = {exit_.after: exit_.modules for exit_ in architecture.exits}
    for stage in architecture.stages:
        if stage.name not in space.config.exits.after:
            continue
        name = f"exit.{stage.name}.modules"
        modules = branches.get(stage.name)
        if modules is None:
            found.put(name, ABSENT)
            continue
        # poolings at 1x1 pixels are dropped by decode: a fixed count is filled up with them again
        counts = [n for n in space.positions[name].choices if n >= len(modules)]
        count = min(counts, default=len(modules))
        found.put(name, count)
        for i, module in enumerate(modules):
            found.put_block(f"exit.{stage.name}.module{i + 1}", module, MODULE_FIELDS, stage.width)
        for i in range(len(modules), count):
            found.put(f"exit.{stage.name}.module{i + 1}.type", "pool")


class _Indices:
    """Collects the index of each value among its gene's choices."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.indices: dict[str, int] = {}

    def put(self, name: str, value: Any) -> None:
        gene = self.space.positions.get(name)
        if gene is None or value not in gene.choices:
            choices = "none" if gene is None else ", ".join(str(choice) for choice in gene.choices)
            raise ConfigError(f"{name} = {value!r} is not in this search space. Choices: {choices}")
        self.indices[name] = gene.choices.index(value)

    def put_block(self, prefix: str, block: BlockSpec, fields: Sequence[str], position_width: int) -> None:
        active = BLOCKS[block.type].reads | {"type"}
        for field in fields:
            if field == "width" and field in active:
                choices = self.space.positions[f"{prefix}.width"].choices
                widths = [branch_width(position_width, choice) for choice in choices]
                if block.width not in widths:
                    raise ConfigError(f"{prefix}.width gives {widths} channels, not {block.width}")
                self.indices[f"{prefix}.width"] = widths.index(block.width)
            elif field in active - {"stride", "pool"}:
                self.put(f"{prefix}.{field}", getattr(block, field))
            elif field in ("stride", "pool") and getattr(block, field) in self._choices(prefix, field):
                # inactive at 1x1 pixels, where any choice decodes to the same
                self.put(f"{prefix}.{field}", getattr(block, field))

    def _choices(self, prefix: str, field: str) -> tuple[Any, ...]:
        return self.space.positions[f"{prefix}.{field}"].choices
