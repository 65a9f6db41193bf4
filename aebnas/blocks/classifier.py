"""The classifier that ends every exit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.blocks.block import Block, BlockSpec, LayerShape
from aebnas.blocks.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from torch import nn


class Classifier(Block):
    """Global average pooling, an optional hidden 1x1 convolution, a linear layer; no gene chooses it."""

    name = "classifier"
    in_stages = False
    in_exits = False
    reads = frozenset()

    def build(self, layer: LayerShape) -> nn.Module:
        """Return the module."""
        from torch import nn

        from aebnas.blocks.parts import activation

        width, hidden = layer.in_channels, layer.features
        features = [nn.Conv2d(width, hidden, 1), activation(layer.spec.activation)] if hidden else []
        linear = nn.Linear(hidden or width, layer.spec.width)
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), *features, nn.Flatten(), linear)

    def parameter_names(self, layer: LayerShape) -> list[str]:
        """Return what each part is for."""
        return ["features", "linear"] if layer.features else ["linear"]

    def output(self, spec: BlockSpec, features: TensorSpec) -> TensorSpec:
        """Return the shape of the logits."""
        return TensorSpec(spec.width)

    def signature_parts(self, spec: BlockSpec, hidden: int) -> list[str]:
        """Return the hidden layer, if there is one."""
        return [f"f{hidden}-{spec.activation}"] if hidden else []
