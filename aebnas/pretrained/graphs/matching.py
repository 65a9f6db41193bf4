"""The same place in two graphs of a network: that of evaluation and that of training.

They differ in what the code does in one mode only: statistics of batch norm, paths
skipped at random, answers of side branches.
"""

from __future__ import annotations

from torch import fx

from aebnas.pretrained.graphs.graph import TracedGraph, shape_of
from aebnas.pretrained.graphs.liveness import lone_tensors
from aebnas.pretrained.graphs.naming import Place, places


def matching(evaluation: TracedGraph, training: TracedGraph | None) -> dict[fx.Node, fx.Node | None]:
    """Return the nodes of an evaluation graph whose place is one of a lone tensor in training too.

    Each comes with its like: the end of the same call of a module, the same operation in it, or what is
    there right before the next operation.  Without a graph of training all nodes, without likes.
    """
    if training is None:
        return dict.fromkeys(evaluation.flow)
    there = _Finder(training)
    here = places(evaluation.flow)
    pairs: dict[fx.Node, fx.Node | None] = {}
    following = [*evaluation.flow[1:], None]
    for node, after in zip(evaluation.flow, following, strict=True):
        like = there.like(here[node], here[after] if after is not None else None)
        if like is not None and (shape_of(like) or ())[1:] == (shape_of(node) or ())[1:]:
            pairs[node] = like
    return pairs


class _Finder:
    """Lone tensors of a graph by their place."""

    def __init__(self, graph: TracedGraph) -> None:
        places_of = places(graph.flow)
        self._by_end = {place.ended[0]: node for node, place in places_of.items() if place.ended}
        self._by_address = {place.address: node for node, place in places_of.items()}
        self._before = dict(zip(graph.flow[1:], graph.flow[:-1], strict=True))
        self._lone = set(lone_tensors(graph))

    def like(self, place: Place, after: Place | None) -> fx.Node | None:
        """Return the lone tensor at a place, which another follows."""
        next_node = self._by_address.get(after.address) if after is not None else None
        candidates = [
            self._by_end.get(place.ended[0]) if place.ended else None,
            self._by_address.get(place.address),
            self._before.get(next_node) if next_node is not None else None,
        ]
        return next((node for node in candidates if node in self._lone), None)
