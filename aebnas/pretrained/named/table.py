"""The networks that files name without code: what makes each, and what it expects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from aebnas.pretrained.named.lite0 import CLASSES, efficientnet_lite0
from aebnas.task.input_spec import Colours, Normalisation


@dataclass(frozen=True)
class NamedNetwork:
    """A network with its weights, and how images are prepared for it."""

    make: Callable[[], nn.Module]
    normalisation: Normalisation
    """Of pixels scaled to 0..1, by channel."""
    size: tuple[int, int]
    """Height and width that it was trained on; it takes others too."""
    classes: int
    colours: Colours = "rgb"


NAMED: dict[str, NamedNetwork] = {
    "efficientnet_lite0": NamedNetwork(
        efficientnet_lite0,
        Normalisation((127 / 255,) * 3, (128 / 255,) * 3),
        (224, 224),
        CLASSES,  # of ImageNet (ILSVRC 2012), by their WordNet identifiers
    ),
}
"""By the name that files use."""
