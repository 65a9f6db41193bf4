"""The task: what comes in, and what may be answered.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aebnas.blocks.tensor_spec import TensorSpec, image


@dataclass(frozen=True)
class Task:
    """Classification of images: each belongs to one of the classes."""

    input: TensorSpec
    """Channels and size of the images as the data has them; networks may take another size."""
    classes: int
    """How many answers there are: logits of every exit."""

    @classmethod
    def of_images(cls, shape: Sequence[int], classes: int) -> Task:
        """Return the task of images of a shape ``(height, width, channels)``."""
        height, width, channels = shape
        return cls(image(channels, (height, width)), classes)


def classification(channels: int, classes: int, size: int | tuple[int, int] = 1) -> Task:
    """Return the task of telling images apart; ``size`` matters where a space leaves the size to the data."""
    return Task(image(channels, size), classes)
