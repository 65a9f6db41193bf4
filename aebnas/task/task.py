"""The task: what comes in, and what may be answered.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.task.input_spec import InputSpec, Normalisation


@dataclass(frozen=True)
class Task:
    """Classification of samples: each belongs to one of the classes."""

    samples: TensorSpec
    """Channels and size of the samples as the data has them; networks may take another size."""
    classes: int
    """How many answers there are: logits of every exit."""
    normalisation: Normalisation | None = None
    """Of the samples that train; None: they were not read, which costs and shapes do not need."""
    class_names: tuple[str, ...] = ()
    """In the order of the answers; none: not known, which costs and shapes do not need either."""

    @classmethod
    def of_samples(
        cls, shape: Sequence[int], classes: int | Sequence[str], normalisation: Normalisation | None = None
    ) -> Task:
        """Return the task of samples of a shape ``(*size, channels)``, as arrays of them have it.

        Args:
            shape: Of the samples.
            classes: Their names, or where those do not matter how many there are.
            normalisation: Of the samples.
        """
        *size, channels = shape
        names = () if isinstance(classes, int) else tuple(classes)
        count = classes if isinstance(classes, int) else len(names)
        return cls(TensorSpec(channels, tuple(size)), count, normalisation, names)

    def input(self, size: tuple[int, ...]) -> InputSpec:
        """Return what a network takes that asks for a size, and for nothing else of its own."""
        return InputSpec(self.samples.with_size(size), self.normalisation)


def classification(channels: int, classes: int, size: int | tuple[int, int] = 1) -> Task:
    """Return the task of telling images apart; ``size`` matters where a space leaves the size to the data."""
    return Task(image(channels, size), classes)
