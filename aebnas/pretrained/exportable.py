"""Operations in the form in which the exporter to ONNX makes fast graphs of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def padded(x: Tensor, pads: Sequence[int]) -> Tensor:
    """Return a tensor with zeros around it.

    Args:
        x: Of any shape.
        pads: How many before and behind the last axis, then the one before it, ...
    """
    if torch.onnx.is_in_onnx_export():
        exported: Tensor = _ExportedPadding.apply(x, pads)  # type: ignore[no-untyped-call]
        return exported
    result: Tensor = torch.ops.aten.pad.default(x, list(pads))
    return result


class _ExportedPadding(torch.autograd.Function):
    """Padding by constants, which onnxruntime makes part of the convolution behind it.

    Of torch's own the exporter makes ten nodes, and the layout in memory changes around it: the pieces of
    EfficientNet-Lite0 take a seventh longer.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, pads: Sequence[int]) -> Tensor:
        result: Tensor = torch.ops.aten.pad.default(x, list(pads))
        return result

    @staticmethod
    def symbolic(graph: Any, x: Any, pads: Sequence[int]) -> Any:
        axes = x.type().dim()
        before, behind = [0] * axes, [0] * axes
        for i in range(len(pads) // 2):
            before[axes - 1 - i], behind[axes - 1 - i] = pads[2 * i], pads[2 * i + 1]
        constants = graph.op("Constant", value_t=torch.tensor([*before, *behind]))
        return graph.op("Pad", x, constants, mode_s="constant")
