"""Canonical blocks and modules: what is left once inactive genes are gone.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aebnas.space.architecture import BlockSpec

EXPANDING = ("fused", "mbconv")
"""Block types that have a hidden width."""


def canonical_module(
    values: Mapping[str, Any], position_width: int, size: int, activation: str, before: list[BlockSpec]
) -> BlockSpec | None:
    """Return an exit module without its inactive genes, or None where it would do nothing.

    Args:
        values: One value for each of ``MODULE_FIELDS``.
        position_width: Channels at the exit position, which widths are multiples of.
        size: Input height = width of the module in pixels.
        activation: The branch's activation.
        before: The modules in front of it.
    """
    if values["type"] == "pool":
        channels = before[-1].width if before else position_width
        return BlockSpec("pool", values["kernel"], channels, 2) if size > 1 else None
    stride = values["stride"] if size > 1 else 1
    return BlockSpec(
        type=values["type"],
        kernel=values["kernel"],
        width=branch_width(position_width, values["width"]),
        stride=stride,
        expansion=values["expansion"] if values["type"] in EXPANDING else 1.0,
        se=values["se"],
        activation=activation,
        pool=values["pool"] if -(-size // stride) > 1 else "none",
    )


def branch_width(channels: int, multiplier: float) -> int:
    """Return the channels of an exit module: the nearest multiple of 4, at least 4."""
    return max(4, int(channels * multiplier / 4 + 0.5) * 4)


def canonical_block(values: Mapping[str, Any], width: int, stride: int, activation: str) -> BlockSpec:
    """Return a backbone block without its inactive genes."""
    expansion = float(values["expansion"]) if values["type"] in EXPANDING else 1.0
    return BlockSpec(values["type"], values["kernel"], width, stride, expansion, values["se"], activation)
