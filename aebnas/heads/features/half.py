"""Features as 16-bit floats, whatever their size.

fp16 keeps 11 bits of a number between 6e-5 and 65,504.  Batches whose largest feature lies beyond that, or
far below it, are multiplied by a power of two first, which loses nothing; the exponent is kept beside them.
bf16 would need none, but keeps 8 bits; fp32 would take twice the room that was planned.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.errors import TrainingError

LARGEST = 65504.0
SMALLEST = 2.0**-6
"""Largest feature of a batch below which it is scaled up: half of fp16's range is then left unused."""
AIM = 10
"""Scaled batches have their largest feature just below 2 to this power."""
STEEPEST = 120
"""Largest exponent, either way: its power of two is still a number in fp32."""


class Half(NamedTuple):
    """A batch of features: ``values * 2 ** exponent``."""

    values: NDArray[np.float16]
    """Maps channels last, ``(batch, h, w, c)``; others as they are."""
    exponent: int


def packed(features: Tensor, place: str) -> Half:
    """Return features as they are kept.

    Args:
        features: fp32, ``(batch, ...)``; maps ``(batch, c, h, w)``.
        place: Where they come from, for the message.

    Raises:
        TrainingError: One is NaN or infinite.
    """
    features = features.detach().float()
    largest = float(features.abs().amax()) if features.numel() else 0.0
    if not math.isfinite(largest):
        raise TrainingError(f"the network's features at {place} are NaN or infinite for some image")
    exponent = _exponent(largest)
    scaled = features if exponent == 0 else torch.ldexp(features, torch.tensor(-exponent))
    return Half(channels_last(scaled).half().cpu().numpy(), exponent)


def unpacked(values: NDArray[np.float16], exponents: NDArray[np.int64], device: torch.device) -> Tensor:
    """Return features in fp32; maps ``(batch, c, h, w)``, channels last in memory.

    Args:
        values: As ``packed`` returns them, writable.
        exponents: Of each image, ``(batch,)``.
        device: Where they are wanted.
    """
    features = torch.from_numpy(values).to(device).float()
    if exponents.any():
        shape = (-1, *([1] * (features.ndim - 1)))
        features = torch.ldexp(features, torch.from_numpy(exponents).to(device).view(shape))
    return features.permute(0, 3, 1, 2) if features.ndim == 4 else features


def channels_last(features: Tensor) -> Tensor:
    """Return maps as ``(batch, h, w, c)``, contiguous; others contiguous."""
    return (features.permute(0, 2, 3, 1) if features.ndim == 4 else features).contiguous()


def _exponent(largest: float) -> int:
    if largest == 0 or SMALLEST <= largest <= LARGEST:
        return 0
    return max(-STEEPEST, min(math.frexp(largest)[1] - AIM, STEEPEST))
