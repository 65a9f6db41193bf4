"""Layers: networks are built of them, and costs and hardware profiles count them, one by one.

A ``Layer`` is one whole block with its input shape.  Networks are built from a list
of layers, and every cost is a sum over the same list.  What a layer is made of is
its block's business (``aebnas.blocks.block``).  Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.table import block_named, signature_word
from aebnas.blocks.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layer:
    """One block, exit module or classifier, with its input shape."""

    spec: BlockSpec
    """For a classifier: type ``classifier``, width = classes."""
    input: TensorSpec
    features: int = 0
    """Channels of a classifier's hidden 1x1 convolution; 0: none."""
    brings_weights: ClassVar[bool] = False
    """Whether what it builds has learned weights, which nobody may draw anew."""

    @property
    def in_channels(self) -> int:
        """Return the input channels."""
        return self.input.channels

    @property
    def keeps_shape(self) -> bool:
        """Whether the convolutions' output has their input's shape, so that the two can be added."""
        return self.spec.stride == 1 and self.spec.width == self.in_channels

    @property
    def output(self) -> TensorSpec:
        """Return the shape of the output."""
        return block_named(self.spec.type).output(self.spec, self.input)

    def signature(self) -> str:
        """Return the layer's readable name, e.g. ``mbconv-in24-out40-k5-s2-e4-se-hswish@16``."""
        parts = block_named(self.spec.type).signature_parts(self.spec, self.features)
        names = [signature_word(self.spec.type), f"in{self.in_channels}", f"out{self.spec.width}", *parts]
        return f"{'-'.join(names)}@{self.input.size_text()}"

    def build(self) -> nn.Module:
        """Return a freshly initialised torch module: ``(batch, *input)`` in, ``(batch, *output)`` out."""
        return block_named(self.spec.type).build(self)


def classifier(features: TensorSpec, classes: int, hidden: int = 0, activation: str = "relu") -> Layer:
    """Return a classifier: global average pooling, an optional hidden 1x1 convolution, a linear layer."""
    activation = activation if hidden else "relu"
    return Layer(BlockSpec("classifier", 1, classes, activation=activation), features, hidden)
