"""Pieces of a network as torch modules: what runs between two cuts.

A piece holds the tensors of the user's module under the names that they have there,
and runs one of two graphs: that of evaluation or that of training.  The size of the
batch is read from what comes in, so that it crosses the cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.exportable import padded
from aebnas.pretrained.graphs.graph import (
    TracedGraph,
    expression,
    is_size,
    mutates,
    schema_name,
    shape_of,
    tensor_name,
)
from aebnas.pretrained.graphs.piece_graph import PieceGraph, hold

RESHAPES = ("aten::view", "aten::reshape", "aten::_unsafe_view")


class Piece(nn.Module):
    """What runs between two cuts of a network."""

    def __init__(
        self,
        evaluation: PieceGraph,
        training: PieceGraph | None,
        tensors: Mapping[str, Tensor],
        passing: frozenset[str] = frozenset(),
        made_by: tuple[Callable[[str, str], Piece], str, str] | None = None,
    ) -> None:
        """Join graphs and tensors.

        Args:
            evaluation: What runs in evaluation mode.
            training: What runs in training mode; None: it cannot be trained.
            tensors: By name; they are shared, not copied.
            passing: Names of buffers that are not saved with the weights.
            made_by: What makes the same piece in another process, and its arguments: both ends; None: its
                graphs travel with it.
        """
        super().__init__()
        self._made_by = made_by
        self._graphs = {False: evaluation, True: training}
        self._owners: dict[str, tuple[nn.Module, str]] = {}
        for name in dict.fromkeys([*evaluation.names, *(training.names if training else ())]):
            self._owners[name] = hold(self, name, tensors[name], name not in passing)

    @property
    def can_be_trained(self) -> bool:
        """Whether it runs in training mode; a saved program does not."""
        return self._graphs[True] is not None

    def forward(self, x: Tensor) -> Tensor:
        """Return the tensor at the end of the piece, ``(batch, ...)``, for the one at its beginning.

        Raises:
            NetworkError: It is in training mode, but the network can only be evaluated.
        """
        graph = self._graphs[self.training]
        if graph is None:
            raise NetworkError(
                "this network can only be evaluated: train the exits alone, with the network in evaluation "
                "mode, or bring it as a module (package.module:function)"
            )
        return graph.run(x, self._owners)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return how to make it again, with its own tensors: where the network has an origin, by name."""
        if self._made_by is None:
            return super().__reduce_ex__(protocol)
        make, start, end = self._made_by
        state = {name: value for name, value in self.__dict__.items() if name != "_graphs"}
        return make, (start, end), state

    def __deepcopy__(self, memo: dict[int, Any]) -> Piece:
        """Return a piece with tensors of its own; graphs and what makes them, which hold none, are shared."""
        import copy

        copied = Piece.__new__(Piece)
        memo[id(self)] = copied
        for name, value in self.__dict__.items():
            is_shared = name in ("_graphs", "_made_by")
            copied.__dict__[name] = value if is_shared else copy.deepcopy(value, memo)
        return copied


def sliced(traced: TracedGraph, start: fx.Node, end: fx.Node) -> PieceGraph:
    """Return the operations between two nodes of a graph.

    Args:
        traced: The whole network.
        start: Behind which the piece begins: the images, or a cut.
        end: What the piece answers: a cut, or the logits.
    """
    return _Slice(traced, start, end).graph()


class _Slice:
    """A part of a graph while it is copied."""

    def __init__(self, traced: TracedGraph, start: fx.Node, end: fx.Node) -> None:
        order = {node: i for i, node in enumerate(traced.graph.nodes)}
        first, last = order[start], order[end]
        flow = set(traced.flow)
        self._traced = traced
        self._end = end
        self._run = [
            node
            for node in traced.graph.nodes
            if first < order[node] <= last and (node in flow or _is_due(node, flow))
        ]
        self._new = fx.Graph()
        self._parts = nn.Module()
        self._names: dict[str, fx.Node] = {}
        self._copies: dict[fx.Node, Any] = {}
        self._start = start

    def graph(self) -> PieceGraph:
        """Return the copied part."""
        x = self._new.placeholder("x")
        for node in self._weights():
            name = tensor_name(node)
            if name not in self._names:
                self._names[name] = self._new.placeholder(f"w{len(self._names)}")
            self._copies[node] = self._names[name]
        self._batch: fx.Node | None = None
        self._input = x
        self._copies[self._start] = self._new.call_method("clone", (x,)) if self._overwrites() else x
        for node in self._run:
            self._copy(node)
        self._new.output(self._copies[self._end])
        return PieceGraph(fx.GraphModule(self._parts, self._new), tuple(self._names))

    def _weights(self) -> list[fx.Node]:
        """Return the weights, buffers and constants that the part reads."""
        seen: dict[fx.Node, None] = {}
        waiting = list(reversed(self._run))
        inside = {*self._run, self._start}
        while waiting:
            for argument in waiting.pop().all_input_nodes:
                if argument in seen or argument in inside:
                    continue
                seen[argument] = None
                if not is_size(argument, self._traced.batch):
                    waiting.append(argument)
        return [node for node in seen if node.op == "get_attr" and tensor_name(node) in self._traced.tensors]

    def _overwrites(self) -> bool:
        """Whether an operation of the part writes to its input, under whatever name."""
        same = {self._start}
        for node in self._run:
            source = node.args[0] if node.args else None
            if source in same:
                if mutates(node):
                    return True
                if _may_alias(node):
                    same.add(node)
        return False

    def _copy(self, node: fx.Node) -> Any:
        if node in self._copies:
            return self._copies[node]
        value = node.meta.get("val")
        if is_size(node, self._traced.batch):
            copied: Any = self._batch_size() if expression(value) == self._traced.batch else value
        elif node.op == "get_attr":
            name = tensor_name(node).replace(".", "_")
            self._parts.add_module(name, self._traced.parts[tensor_name(node)])
            copied = self._new.get_attr(name)
        elif _pads_with_zeros(node):
            copied = self._new.call_function(padded, (self._copy(_node(node.args[0])), node.args[1]))
        elif schema_name(node) in RESHAPES:
            copied = self._reshape(node)
        elif schema_name(node) == "aten::expand":
            # as a method: exporters to ONNX follow the size of the batch through those alone
            copied = self._new.call_method(
                "expand", (self._copy(_node(node.args[0])), *self._mapped(node.args[1]))
            )
        else:
            arguments, keywords = self._mapped(node.args), self._mapped(node.kwargs)
            copied = self._new.create_node(node.op, node.target, arguments, keywords)
        self._copies[node] = copied
        return copied

    def _mapped(self, arguments: Any) -> Any:
        return fx.map_arg(arguments, self._copy)

    def _batch_size(self) -> fx.Node:
        if self._batch is None:
            self._batch = self._new.call_method("size", (self._input, 0))
        return self._batch

    def _reshape(self, node: fx.Node) -> fx.Node:
        """Return a reshape that needs no size of the batch where only one size is not a number.

        Unlike views, it takes whatever layout in memory the features have.
        """
        shape = shape_of(node) or ()
        free = [i for i, size in enumerate(shape) if getattr(size, "free_symbols", None)]
        sizes = self._mapped(node.args[1])
        if len(free) <= 1:
            sizes = [-1 if i in free else int(size) for i, size in enumerate(shape)]
        arguments = (self._copy(_node(node.args[0])), list(sizes))
        return self._new.call_function(torch.ops.aten.reshape.default, arguments)


def _is_due(node: fx.Node, flow: set[fx.Node]) -> bool:
    """Whether a node that is no flow changes something, and so has to run where it stands."""
    return mutates(node) and node not in flow


def _pads_with_zeros(node: fx.Node) -> bool:
    """Whether a node puts a fixed number of zeros around a tensor."""
    if schema_name(node) != "aten::pad":
        return False
    given = dict(enumerate(node.args))
    pads, mode, value = given[1], given.get(2, "constant"), given.get(3)
    numbers = isinstance(pads, Sequence) and all(type(pad) is int and pad >= 0 for pad in pads)
    return numbers and mode == "constant" and not value and not node.kwargs


def _may_alias(node: fx.Node) -> bool:
    """Whether a node's result may lie in the memory of its first argument."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:  # an item of a tuple
        return True
    tags: Sequence[Any] = getattr(node.target, "tags", ())
    return torch.Tag.maybe_aliasing_or_mutating in tags or any(
        returned.alias_info is not None for returned in schema.returns
    )


def _node(argument: Any) -> fx.Node:
    """Return an argument that is a node."""
    node: fx.Node = argument
    return node
