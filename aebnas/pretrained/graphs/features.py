"""The shapes of features: maps, tokens and vectors, channels_last apart by who reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.pretrained.graphs.graph import schema_name, shape_of

FIRST = ("conv", "batch_norm", "group_norm", "instance_norm", "pool", "pixel_shuffle", "upsample")
"""Words in the names of operations that read channels in front of the other axes."""
LAST = ("layer_norm", "rms_norm", "linear", "matmul", "addmm")
"""Likewise behind them."""


def spec_of(node: fx.Node, image: Sequence[int]) -> TensorSpec:
    """Return the shape of a node's tensor for one image.

    Args:
        node: A tensor whose first axis is the batch.
        image: Height and width of the images, for maps of which no reader tells where the channels are.
    """
    sizes = tuple(int(size) for size in (shape_of(node) or ())[1:])
    if len(sizes) < 2:
        return TensorSpec(sizes[0])
    if _channels_last(node, sizes, image):
        return TensorSpec(sizes[-1], sizes[:-1], channels_last=True)
    return TensorSpec(sizes[0], sizes[1:])


def _channels_last(node: fx.Node, sizes: tuple[int, ...], image: Sequence[int]) -> bool:
    channels_last = _answer_of_readers(node)
    if channels_last is None:
        channels_last = _answer_of_writers(node)
    if channels_last is not None:
        return channels_last
    if len(sizes) == 2:
        return True  # tokens
    height, width = image
    is_map = sizes[1] * width == sizes[2] * height
    return not is_map and sizes[0] * width == sizes[1] * height


def _answer_of_readers(node: fx.Node) -> bool | None:
    """Return whether the first operation to mix channels reads them last; None: none is met before others."""
    shape, waiting, seen = shape_of(node), [node], {node}
    while waiting:
        for user in waiting.pop(0).users:
            answer = _says_last(user)
            if answer is not None:
                return answer
            if _keeps_axes(user, shape):
                waiting += [] if user in seen else [user]
                seen.add(user)
    return None


def _answer_of_writers(node: fx.Node) -> bool | None:
    """Return whether the last operation that mixed channels wrote them last; None: none is met."""
    shape, waiting, seen = shape_of(node), [node], {node}
    while waiting:
        writer = waiting.pop(0)
        answer = _says_last(writer)
        if answer is not None:
            return answer
        if _keeps_axes(writer, shape):
            unseen = [earlier for earlier in writer.all_input_nodes if earlier not in seen]
            waiting += [earlier for earlier in unseen if shape_of(earlier) == shape]
            seen.update(unseen)
    return None


def _says_last(node: fx.Node) -> bool | None:
    """Return where an operation has its channels; None: it has none of its own."""
    name = schema_name(node)
    if any(word in name for word in FIRST):
        return False
    return True if any(word in name for word in LAST) else None


def _keeps_axes(node: fx.Node, shape: tuple[Any, ...] | None) -> bool:
    """Whether a node keeps the order of the axes: whatever keeps the shape does, as activations and sums."""
    moves = any(word in schema_name(node) for word in ("permute", "transpose"))
    return shape_of(node) == shape and not moves
