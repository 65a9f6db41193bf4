"""A network as a graph of tensor operations, as ``torch.export`` sees it.

Nodes of the graph are of two kinds.  *Flow* is what depends on the images or on
random draws; the rest (weights, what is computed from weights, constants, the size
of the batch) can be computed again wherever it is needed.  A graph serves one
resolution and any batch size, and either evaluation or training.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

ROOT = "network"
"""What the wrapper that is exported calls the user's network."""
CHECKS = ("aten::_assert", "aten::sym_constrain", "aten::_functional_assert")
"""Operations that only check."""


@dataclass(frozen=True, eq=False)
class TracedGraph:
    """A network's operations in the order in which they run."""

    graph: fx.Graph
    """One placeholder, the images, and one output, the logits."""
    tensors: dict[str, Tensor]
    """Weights, buffers and constants by name, as the user's module has them."""
    parts: dict[str, nn.Module]
    """Graphs inside the graph, without weights: what runs under ``torch.no_grad``, for instance."""
    flow: tuple[fx.Node, ...] = field(init=False)
    """What depends on the images or on chance, in order, without the images themselves."""

    def __post_init__(self) -> None:
        """Find the flow."""
        object.__setattr__(self, "flow", tuple(_flow(self.graph, self.images)))

    @property
    def images(self) -> fx.Node:
        """Return the placeholder of the images."""
        images: fx.Node = next(node for node in self.graph.nodes if node.op == "placeholder")
        return images

    @property
    def logits(self) -> fx.Node:
        """Return the node of the answer."""
        answer: fx.Node = next(node for node in self.graph.nodes if node.op == "output").args[0]
        return answer

    @property
    def batch(self) -> Any:
        """Return the symbol of the batch size."""
        return expression(self.images.meta["val"].shape[0])


def normalised(module: fx.GraphModule, answer: Callable[[Any], fx.Node]) -> TracedGraph:
    """Return the graph of an exported module, brought into one form.

    Args:
        module: What ``ExportedProgram.module`` gives.
        answer: Picks the node of the logits among the outputs, given as the graph has them.

    Checks fall away, results of in-place operations stand for what they have overwritten, and what
    nobody reads is left out.
    """
    graph = module.graph
    output = next(node for node in graph.nodes if node.op == "output")
    output.args = (answer(output.args[0]),)
    _drop_checks(module)
    _rename_overwritten(graph)
    _drop_unread(graph)
    tensors: dict[str, Tensor] = {}
    parts: dict[str, nn.Module] = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            value = operator.attrgetter(node.target)(module)
            if isinstance(value, Tensor):
                tensors[tensor_name(node)] = value
            else:
                parts[tensor_name(node)] = value
    return TracedGraph(graph, tensors, parts)


def _drop_checks(module: fx.GraphModule) -> None:
    """Leave out what only checks, in graphs inside the graph too."""
    for inner in module.modules():
        if isinstance(inner, fx.GraphModule):
            for node in reversed(inner.graph.nodes):
                if is_check(node):
                    inner.graph.erase_node(node)
            inner.recompile()


def tensor_name(node: fx.Node) -> str:
    """Return the name that the user's module has for a weight, buffer or constant."""
    return str(node.target).removeprefix(f"{ROOT}.")


def schema_name(node: fx.Node) -> str:
    """Return the name of an operation, e.g. ``aten::add_``; empty for Python's operators."""
    schema = getattr(node.target, "_schema", None)
    return "" if schema is None else str(schema.name)


def is_check(node: fx.Node) -> bool:
    """Whether a node only checks something."""
    if node.op == "call_module":
        return "guard" in str(node.target)
    return schema_name(node).startswith(CHECKS)


def mutates(node: fx.Node) -> bool:
    """Whether an operation writes to one of its arguments."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and bool(schema.is_mutable)


def is_random(node: fx.Node) -> bool:
    """Whether an operation draws random numbers: dropout in training, noise, paths skipped by chance."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    options = _named_arguments(node)
    modes = [options[name] for name in ("train", "training") if name in options]
    shares = [options[name] for name in ("p", "dropout", "dropout_p") if name in options]
    return all(modes) and (not shares or any(shares))


def _named_arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of an operation by name, those that were left out included."""
    declared = node.target._schema.arguments  # type: ignore[union-attr]  # only operations of torch have tags
    given = dict(zip([argument.name for argument in declared], node.args, strict=False)) | dict(node.kwargs)
    return {argument.name: given.get(argument.name, argument.default_value) for argument in declared}


def expression(size: Any) -> Any:
    """Return a size as a number or a symbolic expression."""
    return size.node.expr if isinstance(size, torch.SymInt) else size


def shape_of(node: fx.Node) -> tuple[Any, ...] | None:
    """Return the shape of a node's tensor, in numbers and symbolic expressions; None: it is no tensor."""
    value = node.meta.get("val")
    return tuple(map(expression, value.shape)) if isinstance(value, Tensor) else None


def _rename_overwritten(graph: fx.Graph) -> None:
    """Let all that comes after an in-place operation read its result, not what it overwrote."""
    position = {node: i for i, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        if mutates(node) and isinstance(node.args[0], fx.Node) and node.args[0].op != "get_attr":
            for user in list(node.args[0].users):
                if position[user] > position[node]:
                    user.replace_input_with(node.args[0], node)


def _drop_unread(graph: fx.Graph) -> None:
    for node in reversed(graph.nodes):
        if node.op not in ("output", "placeholder") and not node.users and not mutates(node):
            graph.erase_node(node)


def _flow(graph: fx.Graph, images: fx.Node) -> Iterator[fx.Node]:
    batch = expression(images.meta["val"].shape[0])
    flow = {images}
    for node in graph.nodes:
        if node.op not in ("call_function", "call_method") or is_size(node, batch):
            continue
        if is_random(node) or any(argument in flow for argument in node.all_input_nodes):
            flow.add(node)
            yield node


def is_size(node: fx.Node, batch: Any) -> bool:
    """Whether a node asks for a size that is the batch's or a number, whatever tensor it asks."""
    value = node.meta.get("val")
    if not isinstance(value, int | torch.SymInt) or "sym_size" not in str(node.target):
        return False
    size: Any = expression(value)
    return bool(size == batch) or not getattr(size, "free_symbols", None)
