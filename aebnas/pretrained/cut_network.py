"""A network at one resolution: its cuts, what they cost, and the pieces between them."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from types import FunctionType
from typing import Any

from torch import Tensor, fx, nn

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import NetworkError
from aebnas.pretrained.cuts import LAST_SHARE, LEAST_DISTANCE, Cut, named_cuts, worthwhile
from aebnas.pretrained.graphs.counting import live_bytes, node_macs, saved_bytes
from aebnas.pretrained.graphs.features import spec_of
from aebnas.pretrained.graphs.graph import TracedGraph, shape_of
from aebnas.pretrained.graphs.liveness import lone_tensors, narrowest
from aebnas.pretrained.graphs.matching import matching
from aebnas.pretrained.graphs.naming import Place, distinct, places
from aebnas.pretrained.graphs.piece_graph import PieceGraph
from aebnas.pretrained.layer import END, START, PieceCost, PieceLayer, piece_spec
from aebnas.pretrained.pieces import Piece, sliced

DIGEST_DIGITS = 8


Origin = Callable[[Sequence[int]], "CutNetwork"]
"""Returns a network for images of a shape ``(channels, height, width)``; can be pickled."""


@dataclass(frozen=True, eq=False)
class CutNetwork:
    """A network for images of one shape."""

    name: str
    evaluation: TracedGraph
    training: TracedGraph | None
    """None: it can only be evaluated."""
    passing: frozenset[str] = frozenset()
    """Names of buffers that are not saved with the weights."""
    notes: tuple[str, ...] = ()
    """What was done to the network on the way, in words that users read."""
    origin: Origin | None = None
    """Where another process gets it from; None: from nowhere, it was handed over as a module."""
    cuts: tuple[Cut, ...] = field(init=False)
    """Every place where it can be cut, in order."""
    macs: int = field(init=False)
    """Of the whole network, for one image."""
    _nodes: dict[str, tuple[fx.Node, fx.Node | None]] = field(init=False)
    """Of each cut and both ends, in evaluation and in training."""
    _made: dict[tuple[str, str, str], Any] = field(init=False, default_factory=dict)
    """What was made of each piece, by what it is: every candidate asks for the same ones again."""

    def __post_init__(self) -> None:
        """Find the cuts."""
        macs = node_macs(self.evaluation)
        pairs = matching(self.evaluation, self.training)
        up_to = _running_sum(self.evaluation.flow, macs)
        lone = lone_tensors(self.evaluation)
        where = places(self.evaluation.flow)
        cut_nodes = [node for node in lone if node in pairs and up_to[node] > 0]
        names = distinct([where[node].name for node in cut_nodes])
        cuts = tuple(
            _cut(name, where[node], up_to[node], self._spec(node))
            for name, node in zip(names, cut_nodes, strict=True)
        )
        nodes = {cut.name: (node, pairs[node]) for cut, node in zip(cuts, cut_nodes, strict=True)}
        trained = self.training
        nodes[START] = self.evaluation.images, trained.images if trained else None
        nodes[END] = self.evaluation.logits, trained.logits if trained else None
        for name, value in (("cuts", cuts), ("macs", sum(macs.values())), ("_nodes", nodes)):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Say where it comes from: graphs do not travel, another process exports the network again.

        Raises:
            TypeError: Nobody can say.
        """
        if self.origin is None:
            raise TypeError(
                f"{self.name} was handed over as a module, which other processes cannot get: name it as "
                "package.module:function"
            )
        return self.origin, (self._image,)

    def __deepcopy__(self, memo: dict[int, Any]) -> CutNetwork:
        """Return the same object: nothing about it changes."""
        return self

    @property
    def input(self) -> TensorSpec:
        """Return the shape of one image."""
        return TensorSpec(self._image[0], self._image[1:])

    @property
    def _image(self) -> tuple[int, ...]:
        return tuple(int(size) for size in (shape_of(self.evaluation.images) or ())[1:])

    def _spec(self, node: fx.Node) -> TensorSpec:
        return spec_of(node, self._image[1:])

    @property
    def classes(self) -> int:
        """Return the number of answers."""
        return self._spec(self.evaluation.logits).channels

    @property
    def digest(self) -> str:
        """Return a hash of all operations with their numbers and shapes, 8 hexadecimal digits."""
        digest: str = self._once(self._digest, START, END)
        return digest

    def worthwhile(self, distance: float = LEAST_DISTANCE, last: float = LAST_SHARE) -> tuple[Cut, ...]:
        """Return the cuts that are worth an exit by what they cost (``cuts.worthwhile``)."""
        return worthwhile(self.cuts, self.macs, distance, last)

    def pieces(self, after: Iterable[str] = (), module: nn.Module | None = None) -> tuple[Piece, ...]:
        """Return the network in pieces, which run one after another.

        Args:
            after: Names of the cuts, in any order.
            module: Whose weights the pieces share: a copy of the network's; None: the network itself.
                Moving a piece to another device or format moves these weights, but not buffers, with it.

        Raises:
            NetworkError: A name is none of a cut.
        """
        return tuple(self.piece(start, end, module) for start, end in self._spans(after))

    def layers(self, after: Iterable[str] = ()) -> tuple[PieceLayer, ...]:
        """Return the network in pieces, as layers.

        Args:
            after: Names of the cuts, in any order.

        Raises:
            NetworkError: A name is none of a cut.
        """
        return tuple(self.layer(start, end) for start, end in self._spans(after))

    def layer(self, start: str, end: str) -> PieceLayer:
        """Return what runs between two cuts, or ends of the network, as a layer."""
        layer: PieceLayer = self._once(self._layer, start, end)
        return layer

    def piece(self, start: str, end: str, module: nn.Module | None = None) -> Piece:
        """Return what runs between two cuts, or ends of the network; it shares the weights."""
        evaluation, training = self._once(self._graphs, start, end)
        names = {*evaluation.names, *(training.names if training else ())}
        tensors = {name: self._tensor(name, module) for name in names}
        made_by = None if self.origin is None else (self.piece, start, end)
        return Piece(evaluation, training, tensors, self.passing, made_by)

    def build(self, start: str, end: str) -> nn.Module:
        """Return what runs between two cuts, or ends of the network, with weights of its own."""
        return copy.deepcopy(self.piece(start, end))

    def cost(self, start: str, end: str) -> PieceCost:
        """Return what runs between two cuts, or ends of the network, costs for one image."""
        cost: PieceCost = self._once(self._cost, start, end)
        return cost

    def without_training(self, reason: str) -> CutNetwork:
        """Return the same network, to be evaluated only, with the reason among its notes."""
        return replace(self, training=None, notes=(*self.notes, reason))

    def with_note(self, note: str) -> CutNetwork:
        """Return the same network with a note more."""
        return replace(self, notes=(*self.notes, note))

    def _once(self, make: Callable[[str, str], Any], start: str, end: str) -> Any:
        key = make.__name__, start, end
        if key not in self._made:
            self._made[key] = make(start, end)
        return self._made[key]

    def _layer(self, start: str, end: str) -> PieceLayer:
        first, last = (self._spec(self._nodes[place][0]) for place in (start, end))
        return PieceLayer(
            piece_spec(last.channels),
            first,
            network=self.name,
            start=start,
            end=end,
            image=self.input,
            answer=last,
            digest=self._once(self._digest, start, end),
            source=self,
        )

    def _cost(self, start: str, end: str) -> PieceCost:
        evaluation, training = self._once(self._graphs, start, end)
        first, last = (self._nodes[place][0] for place in (start, end))
        tensors = self.evaluation.tensors | (self.training.tensors if self.training else {})
        alive, kept = live_bytes(self.evaluation, first, last)
        weights = [tensors[name] for name in evaluation.names if isinstance(tensors[name], nn.Parameter)]
        return PieceCost(
            self._macs_at(end) - self._macs_at(start),
            sum(weight.numel() for weight in weights),
            alive,
            kept,
            saved_bytes(training or evaluation, tensors, self._spec(first).shape),
        )

    def _macs_at(self, place: str) -> int:
        if place in (START, END):
            return self.macs if place == END else 0
        return next(cut.macs for cut in self.cuts if cut.name == place)

    def _spans(self, after: Iterable[str]) -> Iterator[tuple[str, str]]:
        names = [cut.name for cut in named_cuts(self.cuts, after, self.name)]
        yield from zip([START, *names], [*names, END], strict=True)

    def _graphs(self, start: str, end: str) -> tuple[PieceGraph, PieceGraph | None]:
        (first, first_trained), (last, last_trained) = self._nodes[start], self._nodes[end]
        evaluation = sliced(self.evaluation, first, last)
        if self.training is None or first_trained is None or last_trained is None:
            return evaluation, None
        return evaluation, sliced(self.training, first_trained, last_trained)

    def _tensor(self, name: str, module: nn.Module | None) -> Tensor:
        if module is not None and name not in self._constants():
            tensor: Tensor = attrgetter(name)(module)
            return tensor
        source = self.evaluation if name in self.evaluation.tensors or not self.training else self.training
        return source.tensors[name]

    def _constants(self) -> set[str]:
        """Return names of tensors that the graph holds, and the module has under no such name."""
        graphs = [self.evaluation, *([self.training] if self.training else [])]
        return {name for graph in graphs for name in graph.tensors if name.startswith("lifted")}

    def _digest(self, start: str, end: str) -> str:
        evaluation, _ = self._once(self._graphs, start, end)
        first = self._nodes[start][0]
        shapes = [tuple(self.evaluation.tensors[name].shape) for name in evaluation.names]
        text = f"{self._spec(first).shape}{shapes}{_operations(evaluation.function.graph)}"
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]


def _cut(name: str, place: Place, macs: int, features: TensorSpec) -> Cut:
    aliases = tuple(call.name for call in place.ended if call.name != name)
    return Cut(name, place.level, macs, features, aliases)


def _running_sum(flow: Sequence[fx.Node], macs: dict[fx.Node, int]) -> dict[fx.Node, int]:
    total, sums = 0, {}
    for node in flow:
        total += macs[node]
        sums[node] = total
    return sums


def _operations(graph: fx.Graph) -> list[Any]:
    """Return the operations of a graph as text that does not depend on names."""
    index = {node: f"%{i}" for i, node in enumerate(graph.nodes)}
    lines: list[Any] = []
    for node in graph.nodes:
        if node.op == "placeholder":
            continue
        arguments = fx.map_arg((node.args, node.kwargs), index.__getitem__)
        # a function's own text has its place in memory
        name = node.target.__qualname__ if isinstance(node.target, FunctionType) else str(node.target)
        lines.append((node.op, name, str(arguments)))
    return lines


def no_cut(network: CutNetwork) -> NetworkError:
    """Return the error of a network that can be cut nowhere."""
    count, names = narrowest(network.evaluation)
    hint = (
        ". What its forward runs under torch.autocast or torch.no_grad is one operation here: take that out"
        if network.evaluation.parts
        else ""
    )
    return NetworkError(
        f"{network.name} cannot be cut: everywhere between its first and its last operation several tensors "
        f"are needed (where they are fewest, {count}: {names}), or one that is not (batch, channels, ...) in "
        f"float32. An exit needs a place where one tensor carries everything{hint}"
    )
