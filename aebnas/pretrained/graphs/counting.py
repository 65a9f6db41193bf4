"""What the operations of a graph cost for one image: MACs, live memory, what training keeps.

MACs are half of what torch's ``FlopCounterMode`` counts, operation by operation on the
meta device: convolutions and products of matrices, wherever they stand; batch norm,
activations and pooling count 0.  What is computed from weights alone counts 0 too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from aebnas.pretrained.graphs.graph import TracedGraph, expression, mutates, tensor_name
from aebnas.pretrained.graphs.liveness import last_reads
from aebnas.pretrained.graphs.piece_graph import PieceGraph

BYTES_PER_VALUE = 4


def node_macs(traced: TracedGraph) -> dict[fx.Node, int]:
    """Return the MACs of every operation of the flow for one image."""
    macs = {}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        before = 0
        for node in traced.flow:
            if isinstance(node.target, torch._ops.OpOverload | torch._ops.HigherOrderOperator):
                node.target(*_empty(node.args, traced), **_empty(node.kwargs, traced))
            after = counter.get_total_flops()
            macs[node] = (after - before) // 2
            before = after
    return macs


def _empty(arguments: Any, traced: TracedGraph) -> Any:
    """Return arguments with tensors on the meta device and a batch of one."""

    def empty(value: Tensor) -> Tensor:
        sizes = [_number(size, traced) for size in value.shape]
        return torch.empty(sizes, dtype=value.dtype, device="meta")

    def stand_in(node: fx.Node) -> Any:
        value = node.meta.get("val")
        if tensor_name(node) in traced.parts:
            return traced.parts[tensor_name(node)]
        if isinstance(value, Tensor):
            return empty(value)
        if isinstance(value, list | tuple):
            return [empty(part) for part in value]
        return _number(value, traced)

    mapped = fx.map_arg(arguments, stand_in)
    return {**mapped, "device": "meta"} if isinstance(mapped, Mapping) and "device" in mapped else mapped


def _number(size: Any, traced: TracedGraph) -> Any:
    """Return a size for a batch of one image."""
    symbolic = expression(size)
    return int(symbolic.subs({traced.batch: 1})) if getattr(symbolic, "free_symbols", None) else size


def live_bytes(traced: TracedGraph, start: fx.Node, end: fx.Node) -> tuple[int, int]:
    """Return the largest live memory between two nodes, without and with the input kept throughout."""
    reads = last_reads(traced)
    position = {node: i for i, node in enumerate(traced.flow)}
    first, last = position.get(start, -1), position[end]
    sizes = {start: _bytes(start, traced)}
    peak = kept = sizes[start]
    for i in range(first + 1, last + 1):
        node = traced.flow[i]
        overwritten = node.args[0] if mutates(node) else None
        sizes[node] = 0 if overwritten in sizes else _bytes(node, traced)
        if overwritten in sizes:
            # the result lies where its first argument lay
            sizes[node] = sizes.pop(overwritten)  # type: ignore[arg-type]
        peak = max(peak, sum(sizes.values()))
        with_input = sum(sizes.values()) + (0 if start in sizes else _bytes(start, traced))
        kept = max(kept, with_input)
        sizes = {other: size for other, size in sizes.items() if reads[other] > i or other is end}
    return peak, kept


def _bytes(node: fx.Node, traced: TracedGraph) -> int:
    value = node.meta.get("val")
    values = value if isinstance(value, list | tuple) else [value]
    total = 0
    for part in values:
        if isinstance(part, Tensor):
            sizes = [_number(size, traced) for size in part.shape]
            total += int(torch.Size(sizes).numel()) * BYTES_PER_VALUE
    return total


PAIR = 2
"""Images that are counted at once: batch norm refuses a single value per channel."""


def saved_bytes(graph: PieceGraph, tensors: Mapping[str, Tensor], shape: Sequence[int]) -> int:
    """Return what autograd keeps of one image, weights left out.

    Args:
        graph: Of the piece, in the mode in which it is trained.
        tensors: By name.
        shape: Of the piece's input, without the batch.
    """
    mode = FakeTensorMode()
    weights = [mode.from_tensor(tensors[name]) for name in graph.names]
    storages = {weight.untyped_storage()._cdata for weight in weights}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        key = tensor.untyped_storage()._cdata
        if key not in storages:
            share = PAIR if tensor.ndim and len(tensor) == PAIR else 1  # statistics have no batch
            kept[key] = max(kept.get(key, 0), tensor.numel() * BYTES_PER_VALUE // share)
        return tensor

    with mode, torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        answer = graph.function.forward(torch.empty(PAIR, *shape).requires_grad_(), *weights)
    del answer
    return sum(kept.values())
