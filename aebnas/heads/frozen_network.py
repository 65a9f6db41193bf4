"""A network that stays as it is, in pieces between the places where exits may be put.

This is all that features and heads ask of somebody's network: modules that run one after another, what
their cuts are called, and how images become its input.  Where the pieces come from is not their business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

ANSWERS = "answers"
"""What the network's own logits are filed as, beside its cuts."""
Prepare = Callable[[Tensor], Tensor]
"""From uint8 images ``(batch, h, w, c)`` to the network's input, on their device."""
_TRAINING_MATTERS = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


class LabelledImages(Protocol):
    """The images of one split."""

    @property
    def images(self) -> NDArray[np.uint8]:
        """Return the pixels, ``(n, h, w, c)``."""

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
        cuts: What the place behind each piece is called.  With one piece more than cuts the last piece
            ends in the network's own logits ``(batch, classes)``; with as many the network has none.
        prepare: Makes the input of the first piece.
        preparation: Identity of what ``prepare`` does: size, normalisation, order of colours.
        macs: Of one image until each cut; empty: nobody counted.
    """

    identity: str
    pieces: Sequence[nn.Module]
    cuts: tuple[str, ...]
    prepare: Prepare
    preparation: str
    macs: tuple[float, ...] = ()

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
        if len({*self.cuts, ANSWERS}) != len(self.cuts) + 1:
            raise ValueError(
                f"cuts must have names of their own, none of them {ANSWERS!r}, but got {self.cuts}"
            )
        for name, piece in zip(self.names, self.pieces, strict=True):
            if any(part.training for part in piece.modules() if isinstance(part, _TRAINING_MATTERS)):
                raise ValueError(f"the piece that ends in {name} is in training mode: call eval() first")

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the output of each piece is called."""
        return self.cuts if len(self.pieces) == len(self.cuts) else (*self.cuts, ANSWERS)

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
            ValueError: A piece returns no tensor with one row per image.
        """
        first = 0 if source is None else self.names.index(source) + 1
        last = len(self.names) if upto is None else self.names.index(upto) + 1
        count = len(x)
        for name, piece in zip(self.names[first:last], self.pieces[first:last], strict=True):
            output: Any = piece(x)
            if not isinstance(output, Tensor) or output.ndim < 2 or len(output) != count:
                shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
                raise ValueError(
                    f"the piece that ends in {name} must return one tensor with {count} rows, but got {shape}"
                )
            x = output
            yield name, x
