"""An exit branch on features of a frozen network: its layers, the classifier last."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ShapeError
from aebnas.nets.initial_weights import initialise


class Branch(nn.Module):
    """A branch with its classifier: features in, logits ``(batch, classes)`` out."""

    def __init__(self, features: TensorSpec, layers: Sequence[Layer]) -> None:
        """Build and initialise the layers.

        Args:
            features: What comes in, of one image.
            layers: As ``Segment.exit``; where the features are no map, the first makes one of them.

        Raises:
            ShapeError: The first one expects other features.
        """
        super().__init__()
        if layers[0].input != features:
            raise ShapeError(
                f"the branch begins with {layers[0].signature()}, but the features are {features.shape}"
            )
        self.exit = nn.Sequential(*(layer.build() for layer in layers))
        initialise(self.exit)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.exit(x)
        return logits
