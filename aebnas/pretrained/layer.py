"""A piece of a user's network as a ``Layer``: the currency of networks, costs and profiles.

It says what it takes and gives, has a readable name, can be compared and hashed
without a look at the network, and builds the piece with its weights.  Must not
import torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from torch import nn

TYPE = "piece"
"""What stands where other layers name their block."""
START, END = "input", "output"
"""Names of the ends of a network."""


@dataclass(frozen=True)
class PieceCost:
    """What a piece costs for one image, as ``hardware.cost.LayerCost`` says it of other layers."""

    macs: int
    params: int
    activation_bytes: int
    """Largest sum of tensors that are alive at one time, fp32, the input included."""
    activation_bytes_input_kept: int
    """The same where the input is needed afterwards too."""
    saved_activation_bytes: int
    """What training keeps for the backward pass, fp32."""


class PieceSource(Protocol):
    """Where the pieces of a network come from (``CutNetwork``)."""

    def build(self, start: str, end: str) -> nn.Module:
        """Return what runs between two places, with weights of its own: copies of the pretrained ones."""

    def cost(self, start: str, end: str) -> PieceCost:
        """Return what it costs."""


@dataclass(frozen=True, kw_only=True)
class PieceLayer(Layer):
    """What runs between two cuts of a network; its spec says type and output channels alone."""

    network: str
    """Name of the network."""
    start: str
    """The cut that it begins at, or ``input``."""
    end: str
    """The cut that it ends at, or ``output``."""
    image: TensorSpec
    """What the whole network takes: a graph serves one resolution."""
    answer: TensorSpec
    """Shape of the piece's output."""
    digest: str
    """Hash of the piece's operations, their numbers and shapes; weights do not count."""
    source: PieceSource = field(compare=False, repr=False)
    brings_weights: ClassVar[bool] = True

    @property
    def output(self) -> TensorSpec:
        """Return the shape of the output."""
        return self.answer

    def signature(self) -> str:
        """Return the piece's name, e.g. ``piece-lite0-blocks.4..blocks.7-1f3a09bc@96``."""
        return f"{TYPE}-{self.network}-{self.start}..{self.end}-{self.digest}@{self.image.size_text()}"

    def build(self) -> nn.Module:
        """Return the piece with its pretrained weights: ``(batch, *input)`` in, ``(batch, *output)`` out.

        The weights are copies: what is built can be trained, moved or rounded without the network.
        """
        return self.source.build(self.start, self.end)

    def cost(self) -> PieceCost:
        """Return what the piece costs for one image."""
        return self.source.cost(self.start, self.end)


def plain_name(name: str) -> str:
    """Return a network's name as signatures can have it: letters, digits, ``_`` and ``.`` alone."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name) or "network"


def piece_spec(channels: int) -> BlockSpec:
    """Return what stands where other layers have their genes."""
    return BlockSpec(TYPE, 1, channels)
