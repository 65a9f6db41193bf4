"""Costs of layers and networks: MACs, parameters, activation memory.

Each distinct layer is counted once and remembered under its ``Layer``; a
network's cost is a sum over the same walk that builds it.  MACs are thop's,
with batch norm, activations and pooling counted as zero (thop 0.1.1 counts 4
operations per batch-norm element), which equals torch's ``FlopCounterMode`` / 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from thop import profile
from torch import Tensor, nn

from aebnas.blocks.activations import ACTIVATIONS
from aebnas.blocks.layer import Layer
from aebnas.blocks.parts import SamePadding, Sides
from aebnas.blocks.table import signature_word
from aebnas.hardware.cost.memory import BYTES_PER_ACTIVATION, ActivationWatch
from aebnas.pretrained.layer import PieceLayer
from aebnas.space.api import Architecture, Segment, handed_on
from aebnas.task.task import Task

FloatArray = NDArray[np.float64]


NO_ZEROS: Sides = ((0, 0), (0, 0))

OPTIMIZER_COPIES = 4
"""Weights, gradients, momentum and a working copy, fp32."""


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs for one image."""

    macs: int
    params: int
    read_params: int
    """Parameters that a call reads: of a kernel larger than its input only what meets it, not the padding."""
    activation_bytes: int
    """Largest sum of live tensors inside the layer, fp32, its input and held skips included."""
    activation_bytes_input_kept: int
    """The same where the input is needed afterwards too: an exit branch reads the backbone's features."""
    saved_activation_bytes: int
    """Sum of what training keeps for the backward pass, fp32."""


@dataclass(frozen=True)
class NetworkCost:
    """What one network costs for one image."""

    reach_macs: FloatArray
    """MACs to leave at each exit, every earlier exit's head included; shape ``(exits,)``, rising."""
    cut_short_macs: FloatArray
    """MACs of the network that ends at each exit and has no earlier heads; shape ``(exits,)``."""
    params: int
    peak_activation_bytes: int
    """Largest sum of live activations anywhere, fp32."""
    saved_activation_bytes: int
    """What one image in a training batch keeps for the backward pass, fp32."""

    def training_bytes(self, batch_size: int) -> int:
        """Return the estimated memory of a training, as ``evaluation.max_memory_mb`` limits it."""
        return batch_size * self.saved_activation_bytes + OPTIMIZER_COPIES * 4 * self.params


def _count_nothing(module: nn.Module, x: Any, y: Any) -> None:
    """Make thop count no operations for a module."""


def _itself(x: Tensor) -> Tensor:
    return x


def _one_pixel(x: Tensor) -> Tensor:
    return x.new_empty(*x.shape[:2], 1, 1)


ACTIVATION_TYPES: tuple[type[nn.Module], ...] = tuple(getattr(nn, name) for name in ACTIVATIONS.values())
UNCOUNTED: dict[type[nn.Module], Any] = dict.fromkeys(
    [
        nn.BatchNorm2d,
        nn.Hardsigmoid,
        *ACTIVATION_TYPES,
        nn.AvgPool2d,
        nn.MaxPool2d,
        nn.AdaptiveAvgPool2d,
    ],
    _count_nothing,
)
SHAPE_ONLY: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.AdaptiveAvgPool2d: _one_pixel,
    nn.BatchNorm2d: torch.empty_like,
    nn.Hardsigmoid: torch.empty_like,
    **dict.fromkeys(ACTIVATION_TYPES, _itself),
}
"""Stand-ins while counting: on the meta device torch computes the shapes of these through dozens
of Python operations each, three quarters of a layer's time."""


def layer_cost(layer: Layer) -> LayerCost:
    """Return the cost of a layer for one image, counted once per process and code of its block."""
    if isinstance(layer, PieceLayer):
        return _piece_cost(layer)
    return _layer_cost(layer, signature_word(layer.spec.type))


@cache
def _layer_cost(layer: Layer, block: str) -> LayerCost:
    """Return the cost of a layer whose block goes by that name in signatures."""
    # on the meta device nothing is computed and no random numbers are drawn
    with torch.device("meta"):
        module = layer.build().eval()
        x = torch.empty(1, *layer.input.shape)
    for part in module.modules():
        if type(part) in SHAPE_ONLY:
            setattr(part, "forward", SHAPE_ONLY[type(part)])  # noqa: B010 - mypy: no assignment to a method
    params = sum(p.numel() for p in module.parameters())
    unread = _watch_unread(module)
    watch = ActivationWatch(module, x)
    macs, _ = profile(module, inputs=(x,), custom_ops=UNCOUNTED, verbose=False)
    return LayerCost(
        int(macs),
        params,
        params - sum(unread.values()),
        watch.peak_bytes,
        watch.peak_bytes_input_kept,
        watch.saved_bytes,
    )


def _piece_cost(piece: PieceLayer) -> LayerCost:
    """Return the cost of a piece of a user's network: its graph is counted, its modules are none of ours."""
    cost = piece.cost()
    return LayerCost(
        cost.macs,
        cost.params,
        cost.params,
        cost.activation_bytes,
        cost.activation_bytes_input_kept,
        cost.saved_activation_bytes,
    )


def _watch_unread(module: nn.Module) -> Mapping[Tensor, int]:
    """Return how many weights of each convolution are unread; it fills while the module runs."""
    unread: dict[Tensor, int] = {}
    padded: dict[Tensor, Sides] = {}

    def pad(padding: SamePadding, inputs: tuple[Tensor, ...], y: Tensor) -> None:
        padded[y] = padding.sides(inputs[0].shape[2:])

    def look(conv: nn.Conv2d, inputs: tuple[Tensor, ...], _y: Tensor) -> None:
        number = _unread(conv, inputs[0], padded.get(inputs[0], NO_ZEROS))
        # weights that are shared or used twice stand once among the parameters: one reading is enough
        unread[conv.weight] = min(number, unread.get(conv.weight, conv.weight.numel()))

    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(look)
        elif isinstance(part, SamePadding):
            part.register_forward_hook(pad)
    return unread


def _unread(conv: nn.Conv2d, x: Tensor, zeros: Sides) -> int:
    """Return how many weights of a convolution are only ever multiplied with padding or zeros of ``x``."""
    rows, columns = (_taps(conv, axis, size, zeros[axis]) for axis, size in enumerate(x.shape[2:]))
    pairs = conv.weight.shape[0] * conv.weight.shape[1]
    return conv.weight.numel() - pairs * rows * columns


def _taps(conv: nn.Conv2d, axis: int, size: int, zeros: tuple[int, int]) -> int:
    """Return how many of a kernel's positions along an axis ever lie on a pixel.

    Args:
        conv: The convolution.
        axis: 0 for rows, 1 for columns.
        size: Of its input.
        zeros: Of it, before and behind the pixels.
    """
    kernel, stride, dilation = conv.kernel_size[axis], conv.stride[axis], conv.dilation[axis]
    padding = conv.padding[axis]
    # as a block of one's own may have them: "same" or "valid", or padding that is pixels of the image
    if isinstance(padding, str) or conv.padding_mode != "zeros":
        return kernel
    steps = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    starts = [step * stride - padding for step in range(steps)]
    pixels = range(zeros[0], size - zeros[1])
    return sum(any(start + tap * dilation in pixels for start in starts) for tap in range(kernel))


def network_cost(architecture: Architecture, task: Task) -> NetworkCost:
    """Return the cost of a network: the sum over its layers.

    Args:
        architecture: The network.
        task: What comes in, and how many answers there are.
    """
    return plan_cost(architecture.segments(task))


def plan_cost(plan: Sequence[Segment]) -> NetworkCost:
    """Return the cost of a network that is a list of segments."""
    reach, total, params, peak, saved = [], 0, 0, 0, 0
    cut_short, backbone_total = [], 0
    is_read, images = handed_on(plan), _waiting_images(plan)
    for i, segment in enumerate(plan):
        backbone = [layer_cost(layer) for layer in segment.backbone]
        branch = [layer_cost(layer) for layer in segment.exit]
        total += sum(cost.macs for cost in backbone + branch)
        params += sum(cost.params for cost in backbone + branch)
        saved += sum(cost.saved_activation_bytes for cost in backbone + branch)
        reach.append(total)
        begun = 0 if segment.reads == "image" else backbone_total  # what ran before serves other exits alone
        backbone_total = begun + sum(cost.macs for cost in backbone)
        cut_short.append(backbone_total + sum(cost.macs for cost in branch))
        alive = [cost.activation_bytes for cost in backbone]
        alive += _branch_peaks(segment.exit, branch, is_read[i])
        peak = max(peak, *_with_image(alive, images[i], backbone, segment, i))
    return NetworkCost(np.asarray(reach, float), np.asarray(cut_short, float), params, peak, saved)


def _waiting_images(plan: Sequence[Segment]) -> list[int]:
    """Return for each segment the bytes of the image that waits for one behind it; 0: none reads it again."""
    again = [i for i, segment in enumerate(plan) if segment.reads == "image"]
    image = next(plan[0].layers()).input.elements * BYTES_PER_ACTIVATION
    return [image if again and i < again[-1] else 0 for i in range(len(plan))]


def _with_image(
    alive: list[int], image: int, backbone: list[LayerCost], segment: Segment, index: int
) -> list[int]:
    """Return the live bytes of each layer of a segment with an image that waits.

    Its first layer has the image already, if it begins with it, but lets go of it in the end.
    """
    if not image:
        return alive
    begins = (index == 0 or segment.reads == "image") and bool(backbone)
    kept = [backbone[0].activation_bytes_input_kept] if begins else []
    return kept + [live_bytes + image for live_bytes in alive[len(kept) :]]


def _branch_peaks(layers: tuple[Layer, ...], costs: list[LayerCost], is_read: bool) -> list[int]:
    """Return the live bytes of each layer of an exit branch; where the features are read again, they wait."""
    if not is_read:
        return [cost.activation_bytes for cost in costs]
    features = layers[0].input.elements * BYTES_PER_ACTIVATION
    return [costs[0].activation_bytes_input_kept, *(features + cost.activation_bytes for cost in costs[1:])]
