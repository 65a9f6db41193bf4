"""Aligned first weights: whatever stands at a slot computes about the same at first.

Blocks of several types share what comes after them.  Drawn independently, each
type hands on features of its own, and what follows has to learn to read all of
them.  So every convolution that carries a block's information begins as one
projection of the slot, the same for all types, plus noise: the identity as far as
there are channels, random rows for further ones.  Expansions begin as pairs of +1
and -1, which the projection behind them undoes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from aebnas.blocks.block import Alignment
from aebnas.blocks.table import block_named

NOISE = 0.3
"""Share of the usual random weights that is kept, and deviation of the random rows."""


def align(slots: Mapping[str, Mapping[str, Tensor]], seed: int) -> None:
    """Change the first weights in place.

    Args:
        slots: Shared tensors by slot and ``TYPE.NAME.PARAMETER``, drawn as plain modules' are.
        seed: Of the random rows.
    """
    generator = torch.Generator().manual_seed(seed)
    for tensors in slots.values():
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
    """Return the slot's projection, as large as any type needs it; ``(out, in)``."""
    convolutions = [tensor for tensor in tensors.values() if tensor.ndim == 4]
    outputs = max((tensor.shape[0] for tensor in convolutions), default=1)
    inputs = max((tensor.shape[1] for tensor in convolutions), default=1)
    return NOISE * torch.randn(outputs, inputs, generator=generator)


def _centre(name: str, tensor: Tensor, tensors: Mapping[str, Tensor], projection: Tensor) -> Tensor | None:
    """Return what a convolution does to each pixel alone, ``(out, in)``; None: it is left as it is."""
    kind, _, part = name.partition(".")
    alignment = block_named(kind).aligned.get(part)
    if alignment is None:
        return None
    outputs, inputs = tensor.shape[:2]
    expanded = _expanded(kind, tensors)
    match alignment:
        case Alignment.EACH:
            return torch.ones(outputs, 1)
        case Alignment.PAIRS:
            return _pairs(torch.eye(inputs), outputs).T
        case Alignment.UNDO_PAIRS if expanded:
            return _pairs(_begin(projection, outputs, expanded), inputs)
        case _:
            return _begin(projection, outputs, inputs)


def _expanded(kind: str, tensors: Mapping[str, Tensor]) -> int:
    """Return how many channels a type's expansion at a slot begins with; 0: it has none there."""
    expansions = [part for part, how in block_named(kind).aligned.items() if how is Alignment.PAIRS]
    weights = [tensors[name] for part in expansions if (name := f"{kind}.{part}.weight") in tensors]
    return weights[0].shape[1] if weights else 0


def _begin(projection: Tensor, outputs: int, inputs: int) -> Tensor:
    """Return the projection between so many channels: nearly the identity, then random rows."""
    weight = projection[:outputs, :inputs].clone()
    same = min(outputs, inputs)
    weight[:same] *= NOISE
    weight[:same, :same].fill_diagonal_(1)
    return weight


def _pairs(matrix: Tensor, columns: int) -> Tensor:
    """Return each column of a matrix followed by its negative, cut or filled with zeros to ``columns``.

    Pairs are neighbours, so that the first hidden channels belong to the first inputs.
    """
    paired = torch.stack([matrix, -matrix], dim=2).flatten(1)
    result = torch.zeros(len(matrix), columns)
    width = min(columns, paired.shape[1])
    result[:, :width] = paired[:, :width]
    return result
