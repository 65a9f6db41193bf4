"""Aligned first weights: whatever stands at a place computes about the same at first.

Blocks of several types share what comes after them.  Drawn independently, each
type hands on features of its own, and what follows has to learn to read all of
them.  So every convolution that carries a block's information begins as one
projection of the place, the same for all types, plus noise: the identity as far as
there are channels, random rows for further ones.  Expansions begin as pairs of +1
and -1, which the projection behind them undoes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

NOISE = 0.3
"""Share of the usual random weights that is kept, and deviation of the random rows."""
THROUGH = ("conv.conv", "residual.shortcut.conv", "dwconv.pointwise.conv")
"""Convolutions that are the only way through their block, by ``TYPE.ROLE``."""


def align(places: Mapping[str, Mapping[str, Tensor]], seed: int) -> None:
    """Change the first weights in place.

    Args:
        places: Shared tensors by place and ``TYPE.ROLE.PARAMETER``, drawn as plain modules' are.
        seed: Of the random rows.
    """
    generator = torch.Generator().manual_seed(seed)
    for tensors in places.values():
        if len({name.partition(".")[0] for name in tensors}) < 2:
            continue  # a single type is aligned with itself
        projection = _projection(tensors, generator)
        for name, tensor in tensors.items():
            centre = _centre(name.removesuffix(".weight"), tensor, tensors, projection)
            if centre is not None:
                middle = tensor.shape[2] // 2
                tensor.mul_(NOISE)
                tensor[:, :, middle, middle] += centre.to(tensor.device)


def _projection(tensors: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
    """Return the place's projection, as large as any type needs it; ``(out, in)``."""
    convolutions = [tensor for tensor in tensors.values() if tensor.ndim == 4]
    outputs = max((tensor.shape[0] for tensor in convolutions), default=1)
    inputs = max((tensor.shape[1] for tensor in convolutions), default=1)
    return NOISE * torch.randn(outputs, inputs, generator=generator)


def _centre(role: str, tensor: Tensor, tensors: Mapping[str, Tensor], projection: Tensor) -> Tensor | None:
    """Return what a convolution does to each pixel alone, ``(out, in)``; None: it is left as it is."""
    kind, _, part = role.partition(".")
    outputs, inputs = tensor.shape[:2] if tensor.ndim == 4 else (0, 0)
    expand = tensors.get(f"{kind}.expand.conv.weight")
    if role in THROUGH or (part == "project.conv" and expand is None):
        return _begin(projection, outputs, inputs)
    if part == "depthwise.conv":
        return torch.ones(outputs, 1)
    if part == "expand.conv":
        return _pairs(torch.eye(inputs), outputs).T
    if part == "project.conv" and expand is not None:
        return _pairs(_begin(projection, outputs, expand.shape[1]), inputs)
    return None


def _begin(projection: Tensor, outputs: int, inputs: int) -> Tensor:
    """Return the projection between so many channels: nearly the identity, then random rows."""
    found = projection[:outputs, :inputs].clone()
    same = min(outputs, inputs)
    found[:same] *= NOISE
    found[:same, :same].fill_diagonal_(1)
    return found


def _pairs(matrix: Tensor, columns: int) -> Tensor:
    """Return each column of a matrix followed by its negative, cut or filled with zeros to ``columns``.

    Pairs are neighbours, so that the first hidden channels belong to the first inputs.
    """
    paired = torch.stack([matrix, -matrix], dim=2).flatten(1)
    found = torch.zeros(len(matrix), columns)
    width = min(columns, paired.shape[1])
    found[:, :width] = paired[:, :width]
    return found
