"""Roles: what each weight of a plain module is for, so that modules of other shapes can share it.

The blocks themselves are defined once, in ``aebnas.nets.blocks``; the k-th part
with weights of a module that was built there has the k-th role here.  Two parts
share weights where type and role agree.  To share a new block's weights: its
entry in ``ROLES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from aebnas.nets.blocks import keeps_shape
from aebnas.space.layer import Layer


def named_weights(module: nn.Module, layer: Layer) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters of a plain module by ``TYPE.ROLE.PARAMETER``.

    Args:
        module: What ``build(layer)`` returned.
        layer: Its layer.

    Raises:
        ValueError: ``ROLES`` does not fit what ``build`` makes.
    """
    parts = [part for part in module.modules() if any(True for _ in part.parameters(recurse=False))]
    roles = ROLES[layer.spec.type](layer)
    for role, part in zip(roles, parts, strict=True):
        for name, parameter in part.named_parameters(recurse=False):
            yield f"{layer.spec.type}.{role}.{name}", parameter


def _se(layer: Layer) -> list[str]:
    return ["se.reduce", "se.expand"] if layer.spec.se else []


def _last_norm(layer: Layer) -> str:
    """Return the role of the norm before an addition, which begins at zero, or before none."""
    return "project.norm_in_skip" if keeps_shape(layer) else "project.norm"


def _conv(layer: Layer) -> list[str]:
    return ["conv", "norm", *_se(layer)]


def _dwconv(layer: Layer) -> list[str]:
    return ["depthwise.conv", "depthwise.norm", *_se(layer), "pointwise.conv", "pointwise.norm"]


def _residual(layer: Layer) -> list[str]:
    shortcut = [] if keeps_shape(layer) else ["shortcut.conv", "shortcut.norm"]
    return ["first.conv", "first.norm", "second.conv", "second.norm", *_se(layer), *shortcut]


def _fused(layer: Layer) -> list[str]:
    return ["expand.conv", "expand.norm", *_se(layer), "project.conv", _last_norm(layer)]


def _mbconv(layer: Layer) -> list[str]:
    expand = ["expand.conv", "expand.norm"] if layer.spec.expansion != 1 else []
    depthwise = ["depthwise.conv", "depthwise.norm"]
    return [*expand, *depthwise, *_se(layer), "project.conv", _last_norm(layer)]


def _classifier(layer: Layer) -> list[str]:
    return ["features", "linear"] if layer.features else ["linear"]


def _nothing(layer: Layer) -> list[str]:
    return []


ROLES: dict[str, Callable[[Layer], list[str]]] = {
    "conv": _conv,
    "dwconv": _dwconv,
    "residual": _residual,
    "fused": _fused,
    "mbconv": _mbconv,
    "pool": _nothing,
    "classifier": _classifier,
}
