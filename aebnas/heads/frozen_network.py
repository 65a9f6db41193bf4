"""A network that stays as it is, in pieces between the places where exits may be put.

This is all that features and heads ask of somebody's network: modules that run one after another, what
their cuts are called, and how images become its input.  Where the pieces come from is not their business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aebnas.hardware.cost.cost import layer_cost
from aebnas.pretrained.cuts import Cut
from aebnas.space.api import GivenNetwork

ANSWERS = "answers"
"""What the network's own logits are filed as, beside its cuts."""
Prepare = Callable[[Tensor], Tensor]
"""From uint8 images ``(batch, h, w, c)`` to the network's input, on their device."""


class LabelledImages(Protocol):
    """The images of one split."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Return the images, ``(n, h, w, c)``."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Return the classes, ``(n,)``."""


class ImageSplits(Protocol):
    """Images that train heads, tune thresholds and score, in an order that stays."""

    @property
    def train(self) -> LabelledImages:
        """Return what trains heads."""

    @property
    def calibrate(self) -> LabelledImages:
        """Return what tunes thresholds."""

    @property
    def select(self) -> LabelledImages:
        """Return what scores candidates."""

    @property
    def fingerprint(self) -> str:
        """Return what identifies all pixels, labels and their order."""


@dataclass(frozen=True, eq=False)
class FrozenNetwork:
    """Pieces of a network that nobody trains.

    Args:
        identity: Of graph and weights: equal where every output is equal.
        pieces: In order, in evaluation mode, each from one tensor to one; images first.
        cuts: The place behind each piece.  With one piece more than cuts the last piece ends in the
            network's own logits ``(batch, classes)``; with as many the network has none.
        prepare: Makes the input of the first piece.
        preparation: Identity of what ``prepare`` does: size, normalisation, order of colours.
    """

    identity: str
    pieces: Sequence[nn.Module]
    cuts: tuple[Cut, ...]
    prepare: Prepare
    preparation: str

    def __post_init__(self) -> None:
        """Refuse pieces that do not fit their names, or that would not stay as they are.

        Raises:
            ValueError: Their numbers do not fit, a name stands twice, or a piece is in training mode.
        """
        if len(self.pieces) - len(self.cuts) not in (0, 1) or not self.pieces:
            raise ValueError(
                f"there must be as many pieces as cuts, or one more, but got {len(self.pieces)} pieces "
                f"and {len(self.cuts)} cuts"
            )
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"each cut must have a name of its own, none {ANSWERS!r}, but got {self.names}")
        for name, piece in zip(self.names, self.pieces, strict=True):
            if any(part.training for part in piece.modules()):
                raise ValueError(f"the piece that ends in {name} is in training mode: call eval() first")

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the output of each piece is called."""
        return (*(cut.name for cut in self.cuts), *([ANSWERS] if self.answers else []))

    def cut(self, name: str) -> Cut:
        """Return a cut by its name.

        Raises:
            KeyError: There is none.
        """
        return {cut.name: cut for cut in self.cuts}[name]

    @property
    def answers(self) -> bool:
        """Return whether the network has logits of its own."""
        return len(self.pieces) > len(self.cuts)

    def outputs(
        self, x: Tensor, source: str | None = None, upto: str | None = None
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the name and output of each piece in turn.

        Args:
            x: Prepared images, or the features of ``source``.
            source: The cut to go on from; None: the images.
            upto: The last one that is wanted; None: the end.

        Raises:
            ValueError: A piece returns another thing than one tensor of the cut's shape.
        """
        first = 0 if source is None else self.names.index(source) + 1
        last = len(self.names) if upto is None else self.names.index(upto) + 1
        shapes = [cut.features.shape for cut in self.cuts]
        count = len(x)
        for i in range(first, last):
            output: Any = self.pieces[i](x)
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            expected = (count, *shapes[i]) if i < len(shapes) else shape
            if shape != expected or isinstance(shape, str) or shape[0] != count:
                raise ValueError(
                    f"the piece that ends in {self.names[i]} must return a tensor {expected}, but got {shape}"
                )
            x = output
            yield self.names[i], x


def frozen_network(given: GivenNetwork, prepare: Prepare, device: torch.device | str) -> FrozenNetwork:
    """Return a given network, as it is, with weights of its own; without its head where that is replaced.

    Args:
        given: At one resolution.
        prepare: As of ``FrozenNetwork``; does what ``given.input`` says.
        device: Where it runs.
    """
    pieces = [layer.build() for layer in given.pieces]
    identity = given.identity
    if given.keeps_head:
        pieces.append(nn.Sequential(*(layer.build() for layer in given.head)))
        identity = f"{identity} {given.head[1:]}"  # which answers stand for the classes, and in which order
    for piece in pieces:
        piece.requires_grad_(False).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    macs, cuts = 0, list[Cut]()
    for name, layer in zip(given.places, given.pieces, strict=True):
        macs += layer_cost(layer).macs
        cuts.append(Cut(name, 0, macs, layer.output))
    return FrozenNetwork(identity, pieces, tuple(cuts), prepare, str(given.input))
