"""From the ``space:`` section of a file to the rows of its grammar.  Must not import torch."""

from __future__ import annotations

from typing import Any

from aebnas.blocks.block import NORM_EPS
from aebnas.config.sections.space import (
    BranchConfig,
    ExitsSpaceConfig,
    FinalConfig,
    SpaceConfig,
    StageConfig,
    StemConfig,
)
from aebnas.space.genes import ABSENT
from aebnas.space.grammar import BlockRow, Grammar, Slot, Values
from aebnas.space.names import EXPAND, STEM, block_slot, module_slot
from aebnas.task.input_size import Size, canonical_size

BLOCK_FIELDS = ("type", "kernel", "expansion", "se")
MODULE_FIELDS = ("type", "kernel", "width", "expansion", "se", "stride", "pool")
PLAIN = {"type": "conv", "expansion": 1.0, "se": False, "pool": "none"}
"""What is fixed of stem and last convolution."""


def grammar_of(config: SpaceConfig, own_size: tuple[int, int]) -> Grammar:
    """Return the grammar of a section.

    Args:
        config: The validated section.
        own_size: Height and width of the data, where the section leaves the resolution to them.
    """
    resolutions: tuple[Size, ...] = config.resolution or (canonical_size(own_size),)
    how = _conventions(config)
    stages = [
        _stage(name, stage, config.exits, how)
        for name, stage in zip(config.stage_names(), config.stages, strict=True)
    ]
    final = config.final
    expand = [_expand(final, how)] if final.expand else []
    activation = final.activation if final.expand or final.features else "relu"
    norm_eps = config.norm_eps if final.expand else NORM_EPS
    rows = (_stem(config.stem, how), *stages, *expand)
    return Grammar(resolutions, rows, final.features, activation, norm_eps)


def _conventions(config: SpaceConfig) -> dict[str, Any]:
    return {"padding": config.padding, "norm_eps": config.norm_eps}


def _stem(config: StemConfig, how: Values) -> BlockRow:
    fixed = {
        **PLAIN,
        **how,
        "kernel": config.kernel,
        "stride": config.stride,
        "activation": config.activation,
    }
    return BlockRow(STEM, (Slot(STEM, STEM, {}, fixed),), {"width": config.width}, "input")


def _expand(config: FinalConfig, how: Values) -> BlockRow:
    fixed = {
        **PLAIN,
        **how,
        "kernel": 1,
        "stride": 1,
        "width": config.expand,
        "activation": config.activation,
    }
    return BlockRow(EXPAND, (Slot(EXPAND, EXPAND, {}, fixed),), {}, "input")


def _stage(name: str, config: StageConfig, exits: ExitsSpaceConfig, how: Values) -> BlockRow:
    choices = _choices(config.block, BLOCK_FIELDS)
    slots = []
    for i in range(max(config.depth)):
        slot = block_slot(name, i)
        stride = config.stride if i == 0 else 1
        fixed = {"stride": stride, "pool": "none", "activation": config.activation, **how}
        slots.append(Slot(slot, slot, choices, fixed))
    exit_ = exit_row(name, exits.branch, how, exits.optional) if name in exits.after else None
    return BlockRow(name, tuple(slots), {"width": config.width}, name, "depth", config.depth, exit_)


def exit_row(stage: str, branch: BranchConfig, how: Values, is_optional: bool) -> BlockRow:
    """Return the row of an exit.

    Args:
        stage: What it stands behind.
        branch: Its choices.
        how: Its conventions: ``padding`` and ``norm_eps``.
        is_optional: Whether it may be absent.
    """
    name = f"exit.{stage}"
    choices, fixed = _choices(branch.module, MODULE_FIELDS), {"activation": branch.activation, **how}
    slots = tuple(
        Slot(f"{name}.module{i + 1}", module_slot(stage), choices, fixed, is_in_exit=True)
        for i in range(max(branch.modules))
    )
    counts = ((ABSENT,) if is_optional else ()) + branch.modules
    return BlockRow(name, slots, {}, name, "modules", counts)


def _choices(config: object, fields: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    return {field: getattr(config, field) for field in fields}
