"""Number formats per device and block type.

Measured on one thread of a CPU with AMX, batch 64, channels_last: dense 3x3
networks train 1.1 to 1.4 times faster in bf16 than in fp32, depthwise ones
0.75 times as fast; so ``auto`` looks at the block types.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from aebnas.blocks.table import block_named
from aebnas.pretrained.layer import TYPE as PIECE


def training_dtype(
    precision: Literal["auto", "fp32", "bf16"], types: Iterable[str], device: torch.device
) -> torch.dtype:
    """Return the number format in which a network is trained on a device.

    Args:
        precision: The user's choice.
        types: Kinds of blocks of its backbone, which decide where the choice is ``auto``: what was trained
            elsewhere, piece by piece, goes on in fp32.
        device: Where it is trained.
    """
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    is_slower = any(type_ == PIECE or block_named(type_).is_depthwise for type_ in types)
    fast = device.type == "cpu" and has_fast_bf16() and not is_slower
    return torch.bfloat16 if fast else torch.float32


def has_fast_bf16() -> bool:
    """Return whether this CPU multiplies bf16 matrices in hardware (AVX-512 BF16 or AMX)."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
