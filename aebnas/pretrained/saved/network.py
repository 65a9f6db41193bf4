"""A network that was saved with its graphs: cut, evaluated and trained without the code it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.cut_network import CutNetwork
from aebnas.pretrained.graphs.graph import TracedGraph
from aebnas.pretrained.graphs.piece_graph import hold
from aebnas.pretrained.layer import plain_name
from aebnas.pretrained.network import PretrainedNetwork
from aebnas.pretrained.pieces import sliced

Shape = tuple[int, ...]
"""Channels, height and width of one image."""


@dataclass(frozen=True, eq=False)
class SavedTensors:
    """Weights and buffers of a network, under the names that its code gave them."""

    tensors: Mapping[str, Tensor]
    """Weights are ``nn.Parameter``; those that have two names are one object."""
    passing: frozenset[str] = frozenset()
    """Names of buffers that are not saved with the weights."""


@dataclass(frozen=True, eq=False)
class SavedGraphs:
    """What a network does with images of one shape."""

    evaluation: TracedGraph
    training: TracedGraph | None
    """None: it can only be evaluated."""


class SavedModule(nn.Module):
    """A module with the names and weights of a network, which runs its graphs."""

    def __init__(self, saved: SavedTensors, graphs: Mapping[Shape, SavedGraphs]) -> None:
        """Join tensors and graphs, whose tensors they are."""
        super().__init__()
        self._owners = {
            name: hold(self, name, tensor, name not in saved.passing)
            for name, tensor in saved.tensors.items()
        }
        self._runs = {shape: sliced(it.evaluation, it.evaluation.images, it.evaluation.logits)
                      for shape, it in graphs.items()}  # fmt: skip
        for shape, graphs_there in graphs.items():
            for name in set(self._runs[shape].names) - self._owners.keys():  # constants of the graph
                self._owners[name] = hold(self, name, graphs_there.evaluation.tensors[name], False)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(batch, classes)`` for images ``(batch, channels, height, width)``.

        As in evaluation mode: in training mode its pieces run.

        Raises:
            NetworkError: It was not saved for images of that shape.
        """
        shape = tuple(images.shape[1:])
        return self._runs[saved_shape(shape, self._runs, "it")].run(images, self._owners)


class SavedNetwork(PretrainedNetwork):
    """A network from its file: it has the resolutions that it was saved for."""

    def __init__(
        self, name: str, notes: tuple[str, ...], saved: SavedTensors, graphs: Mapping[Shape, SavedGraphs]
    ) -> None:
        """Take what a file holds.

        Args:
            name: What signatures and messages call it.
            notes: What was done to it before it was saved.
            saved: Its tensors.
            graphs: By the shape of images; they hold the same tensors.
        """
        self.name = plain_name(name)
        self.answer = None
        self.notes = notes
        self._graphs = graphs
        self.module = SavedModule(saved, graphs).eval()
        self._cut: dict[Shape, CutNetwork] = {}

    def _evaluation(self, shape: Shape) -> tuple[TracedGraph, str]:
        return self._graphs[saved_shape(shape, self._graphs, self.name)].evaluation, ""

    def _answers(self, shape: Shape) -> tuple[Tensor, Tensor]:
        saved_shape(shape, self._graphs, self.name)
        return super()._answers(shape)

    def _training(self, shape: Shape) -> tuple[TracedGraph | None, str]:
        return self._graphs[shape].training, ""

    def _defect(self, network: CutNetwork, images: Tensor) -> str:
        return ""  # it was looked for before the network was saved


def saved_shape(shape: Shape, saved: Mapping[Shape, object], name: str) -> Shape:
    """Return a shape of images, one that a network was saved for.

    Raises:
        NetworkError: It was not.
    """
    if shape not in saved:
        shapes = ", ".join(" x ".join(map(str, sizes)) for sizes in saved)
        raise NetworkError(
            f"{name} was saved for images {shapes} (channels x height x width), not "
            f"{' x '.join(map(str, shape))}: name one of these as its resolution, or save it again with "
            "this one among them (aebnas.save_network)"
        )
    return shape
