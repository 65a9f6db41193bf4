"""Weights of a layer's module by what they are for, as supernets and pretrained files know them."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.table import block_named


def named_weights(module: nn.Module, layer: Layer) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters of a plain module by ``TYPE.NAME.PARAMETER``.

    Two parts share weights where type and name (``Block.parameter_names``) agree.

    Args:
        module: What ``layer.build()`` returned.
        layer: Its layer.

    Raises:
        ValueError: The block names more parts or fewer than it builds.
    """
    for prefix, part in _named_parts(module, layer):
        for name, parameter in part.named_parameters(recurse=False):
            yield f"{prefix}.{name}", parameter


def named_tensors(module: nn.Module, layer: Layer) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and the statistics of batch norms alike; as ``named_weights``."""
    for prefix, part in _named_parts(module, layer):
        for name, parameter in part.named_parameters(recurse=False):
            yield f"{prefix}.{name}", parameter
        for name, buffer in part.named_buffers(recurse=False):
            yield f"{prefix}.{name}", buffer


def _named_parts(module: nn.Module, layer: Layer) -> Iterator[tuple[str, nn.Module]]:
    parts = {
        name: part
        for name, part in module.named_modules()
        if any(True for _ in part.parameters(recurse=False))
    }
    names = block_named(layer.spec.type).parameter_names(layer)
    for name, part in zip(parts if names is None else names, parts.values(), strict=True):
        yield f"{layer.spec.type}.{name}", part
