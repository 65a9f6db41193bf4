"""What is alive where: the places of a graph behind which exactly one tensor is needed."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from aebnas.pretrained.graphs.graph import TracedGraph, shape_of

AXES = (2, 3, 4)
"""Of features: a vector, tokens, a map; the batch counts."""


def last_reads(traced: TracedGraph) -> dict[fx.Node, int]:
    """Return the position in the flow at which each node of it, and the images, is read last.

    The logits are read at the end.
    """
    end = len(traced.flow)
    position = {node: i for i, node in enumerate(traced.flow)}
    reads = {}
    for node in (traced.images, *traced.flow):
        users = [position.get(user, -1) for user in node.users]
        reads[node] = end if node is traced.logits else max(users, default=-1)
    return reads


def alive_after(traced: TracedGraph) -> list[tuple[fx.Node, ...]]:
    """Return, for each node of the flow, what is still needed behind it."""
    reads = last_reads(traced)
    alive: list[fx.Node] = [traced.images]
    states = []
    for i, node in enumerate(traced.flow):
        alive = [earlier for earlier in (*alive, node) if reads[earlier] > i]
        states.append(tuple(alive))
    return states


def lone_tensors(traced: TracedGraph) -> list[fx.Node]:
    """Return the nodes behind which nothing but their own result is needed, the logits left out."""
    states = alive_after(traced)
    return [
        node
        for node, alive in zip(traced.flow, states, strict=True)
        if alive == (node,) and node is not traced.logits and _is_one_per_image(node, traced)
    ]


def _is_one_per_image(node: fx.Node, traced: TracedGraph) -> bool:
    """Whether a node is a tensor whose first axis is the batch and whose other sizes are numbers."""
    shape, value = shape_of(node), node.meta.get("val")
    if shape is None or not isinstance(value, Tensor) or value.dtype is not torch.float32:
        return False
    if len(shape) not in AXES or shape[0] != traced.batch:
        return False
    return not any(getattr(size, "free_symbols", None) for size in shape[1:])


def narrowest(traced: TracedGraph) -> tuple[int, str]:
    """Return the fewest tensors that are alive anywhere inside the network, and what they are called.

    For networks that cannot be cut: the reader sees what stands in the way.
    """
    states = [state for state in alive_after(traced)[:-1] if traced.images not in state]
    fewest = min(states or alive_after(traced)[:1], key=len)
    return len(fewest), ", ".join(node.name for node in fewest)
