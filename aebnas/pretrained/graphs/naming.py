"""Names of places in a graph, after the modules of the user's network.

Each node knows the calls of modules that it was traced in, from the outermost on.
A place between two operations is named after the outermost module whose call ends
there (``blocks.4``), or, inside one module's own code, after the last module that
ended and the operation since (``bn1+relu``; ``block:permute`` where none has ended yet).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import fx

from aebnas.pretrained.graphs.graph import ROOT, schema_name


class Call(NamedTuple):
    """One call of a module."""

    path: str
    """The module's name in the network."""
    number: int
    """0 for the first call of the module, 1 for the second, ..."""

    @property
    def name(self) -> str:
        """Return the name of the call: the module's, with ``#2`` for its second call."""
        return f"{self.path}#{self.number + 1}" if self.number else self.path


class Place(NamedTuple):
    """Where a node stands among the modules."""

    name: str
    level: int
    """How many modules, one inside the other, are left open here; 0: none but the network itself."""
    ended: tuple[Call, ...]
    """Calls that end here, from the outermost on; none where an operation of an open module ends."""
    address: tuple[str, str, int]
    """The innermost call, the operation in it and its number: what finds the node in another graph."""


def calls_of(node: fx.Node) -> tuple[Call, ...]:
    """Return the calls that a node was traced in, from the outermost on, the network itself left out."""
    stack = node.meta.get("nn_module_stack") or {}
    calls = []
    for key, (path, _) in stack.items():
        name = str(path).split("@")[0]
        if name in ("", ROOT) or key.startswith("_empty"):
            continue
        _, _, number = str(key).rpartition("@")
        calls.append(Call(name.removeprefix(f"{ROOT}."), int(number) if number.isdigit() else 0))
    return tuple(calls)


def places(flow: Sequence[fx.Node]) -> dict[fx.Node, Place]:
    """Return the place behind each node of a flow; several may have one name (``distinct``)."""
    stacks = [calls_of(node) for node in flow]
    places_of: dict[fx.Node, Place] = {}
    counted: dict[tuple[str, str], int] = {}
    for i, node in enumerate(flow):
        after = stacks[i + 1] if i + 1 < len(flow) else ()
        level = _common(stacks[i], after)
        ended = stacks[i][level:]
        name = ended[0].name if ended else _between(flow, stacks, i)
        innermost = stacks[i][-1].name if stacks[i] else ""
        operation = (innermost, schema_name(node) or str(node.target))
        counted[operation] = counted.get(operation, 0) + 1
        places_of[node] = Place(name, level, ended, (*operation, counted[operation]))
    return places_of


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which each occurs once: ``#2`` is added to the second of a kind."""
    counted: dict[str, int] = {}
    unique = []
    for name in names:
        counted[name] = counted.get(name, 0) + 1
        unique.append(f"{name}#{counted[name]}" if counted[name] > 1 else name)
    return unique


def _common(before: Sequence[Call], after: Sequence[Call]) -> int:
    """Return how many calls are open both before and after."""
    count = 0
    for first, second in zip(before, after, strict=False):
        if first != second:
            break
        count += 1
    return count


def _between(flow: Sequence[fx.Node], stacks: Sequence[tuple[Call, ...]], i: int) -> str:
    """Return a name for an operation in a module's own code."""
    operation = schema_name(flow[i]).removeprefix("aten::").strip("_") or "operation"
    level = len(stacks[i])
    for earlier in reversed(stacks[:i]):
        if earlier[:level] != stacks[i]:
            break
        if len(earlier) > level:
            return f"{earlier[level].name}+{operation}"
    return f"{stacks[i][-1].name}:{operation}" if level else f"input+{operation}"
