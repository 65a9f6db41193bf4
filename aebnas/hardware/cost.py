"""Costs of layers and networks: MACs, parameters, activation memory.

Each distinct layer is counted once and remembered under its ``Layer``; a
network's cost is a sum over the same walk that builds it.  MACs are thop's,
with batch norm, activations and pooling counted as zero (thop 0.1.1 counts 4
operations per batch-norm element), which equals torch's ``FlopCounterMode`` / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from thop import profile
from torch import Tensor, nn

from aebnas.nets.blocks import Skip, SqueezeExcitation, build
from aebnas.space.architecture import Architecture
from aebnas.space.layer import Layer, segments

FloatArray = NDArray[np.float64]
BYTES_PER_ACTIVATION = 4


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs for one image."""

    macs: int
    params: int
    activation_bytes: int
    """Largest sum of live tensors inside the layer, fp32, its input and a held skip included."""
    saved_activation_bytes: int
    """Sum of all outputs inside the layer, fp32: what training keeps for the backward pass."""


@dataclass(frozen=True)
class NetworkCost:
    """What one network costs for one image."""

    reach_macs: FloatArray
    """MACs to leave at each exit, every earlier exit's head included; shape ``(exits,)``, rising."""
    params: int
    peak_activation_bytes: int
    """Largest sum of live activations anywhere, fp32."""
    saved_activation_bytes: int
    """What one image in a training batch keeps for the backward pass, fp32."""


def _count_nothing(module: nn.Module, x: Any, y: Any) -> None:
    """Make thop count no operations for a module."""


UNCOUNTED: dict[type[nn.Module], Any] = {
    kind: _count_nothing
    for kind in (
        nn.BatchNorm2d, nn.ReLU, nn.Hardswish, nn.Hardsigmoid, nn.SiLU,
        nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d,
    )  # fmt: skip
}


@lru_cache(maxsize=None)
def layer_cost(layer: Layer) -> LayerCost:
    """Return the cost of a layer for one image, counted once per process."""
    # on the meta device nothing is computed and no random numbers are drawn
    with torch.device("meta"):
        module = build(layer).eval()
        x = torch.empty(1, layer.in_channels, layer.size, layer.size)
    params = sum(p.numel() for p in module.parameters())
    live_bytes = _LiveBytes(module)
    with torch.no_grad():
        module(x)
    live_bytes.remove()
    macs, _ = profile(module, inputs=(x,), custom_ops=UNCOUNTED, verbose=False)
    return LayerCost(int(macs), params, live_bytes.peak, live_bytes.saved)


def network_cost(architecture: Architecture, in_channels: int, classes: int) -> NetworkCost:
    """Return the cost of a network: the sum over its layers.

    Args:
        architecture: The network.
        in_channels: Channels of the images.
        classes: Number of classes.
    """
    reach, total, params, peak, saved = [], 0, 0, 0, 0
    for segment in segments(architecture, in_channels, classes):
        backbone = [layer_cost(layer) for layer in segment.backbone]
        branch = [layer_cost(layer) for layer in segment.exit]
        total += sum(cost.macs for cost in backbone + branch)
        params += sum(cost.params for cost in backbone + branch)
        saved += sum(cost.saved_activation_bytes for cost in backbone + branch)
        reach.append(total)
        # the features wait for the next segment while the branch runs; its first layer reads them itself
        first = segment.exit[0]
        held = first.in_channels * first.size**2 * BYTES_PER_ACTIVATION
        waiting = [cost.activation_bytes + (held if i else 0) for i, cost in enumerate(branch)]
        peak = max([peak, *(cost.activation_bytes for cost in backbone), *waiting])
    return NetworkCost(np.asarray(reach, float), params, peak, saved)


class _LiveBytes:
    """Watches the leaf modules of a layer: input + output + the input that a skip holds."""

    def __init__(self, module: nn.Module) -> None:
        self.peak = 0
        self.saved = 0
        self.held = 0
        self.handles = []
        for part in module.modules():
            if isinstance(part, Skip | SqueezeExcitation):
                self.handles.append(part.register_forward_pre_hook(self._hold))
                self.handles.append(part.register_forward_hook(self._release))
            elif not list(part.children()):
                self.handles.append(part.register_forward_hook(self._leaf))

    def _hold(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.held += inputs[0].numel()

    def _release(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.held -= inputs[0].numel()
        # the sum of body and shortcut needs both and the result
        self._see(2 * output.numel() + inputs[0].numel())

    def _leaf(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._see(inputs[0].numel() + output.numel())
        self.saved += output.numel() * BYTES_PER_ACTIVATION

    def _see(self, elements: int) -> None:
        self.peak = max(self.peak, (elements + self.held) * BYTES_PER_ACTIVATION)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()
