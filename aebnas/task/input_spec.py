"""What a network takes in: the shape of one sample, and how stored samples are brought to it.

A property of the architecture, as its resolution is: a network that was trained elsewhere brings its own
normalisation, and may ask for blue before red.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from aebnas.blocks.tensor_spec import TensorSpec

Fit = Literal["crop", "stretch"]
"""What is done where the sides of an image are in another ratio: its middle is taken, or it is distorted."""
Colours = Literal["rgb", "bgr"]
"""In which order the colours of an image come; stored images are red, green, blue."""
DType = Literal["float32", "bfloat16"]


class Normalisation(NamedTuple):
    """Mean and standard deviation of each channel; an input is ``(value - mean) / std``."""

    mean: tuple[float, ...]
    """Of pixels scaled to 0..1, or of signals as they are."""
    std: tuple[float, ...]
    """Likewise."""

    def of_channels(self, channels: int) -> Normalisation:
        """Return the same for so many channels, where it is one for all of them."""
        mean, std = (values * channels if len(values) == 1 else values for values in self)
        return Normalisation(mean, std)

    def reversed(self) -> Normalisation:
        """Return the same for channels in the opposite order."""
        return Normalisation(self.mean[::-1], self.std[::-1])


def checked_normalisation(mean: Sequence[float], std: Sequence[float], channels: int) -> Normalisation:
    """Return the normalisation of a file.

    Raises:
        ValueError: It has not one value per channel, or a spread is not positive.
    """
    if not len(mean) == len(std) == channels:
        raise ValueError(f"mean and std need {channels} values, one per channel of image_shape")
    if min(std) <= 0:
        raise ValueError("std must be positive")
    return Normalisation(tuple(mean), tuple(std))


@dataclass(frozen=True)
class InputSpec:
    """One sample as a network takes it."""

    tensor: TensorSpec
    """Channels, and ``(height, width)`` of an image or ``(length,)`` of a signal."""
    normalisation: Normalisation | None = None
    """By channel as the network takes them; None: not known, where no sample is ever read."""
    fit: Fit = "crop"
    colours: Colours = "rgb"
    dtype: DType = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one sample as torch has it: channels first."""
        return self.tensor.shape

    @property
    def size(self) -> tuple[int, ...]:
        """Return how long each axis but the channels is."""
        return self.tensor.size

    @property
    def known_normalisation(self) -> Normalisation:
        """Return the normalisation.

        Raises:
            ValueError: It is not known.
        """
        if self.normalisation is None:
            raise ValueError("samples cannot be prepared for a network whose normalisation is not known")
        return self.normalisation

    @property
    def stored_normalisation(self) -> Normalisation:
        """Return the normalisation by channel as samples are stored.

        Raises:
            ValueError: It is not known.
        """
        normalisation = self.known_normalisation
        return normalisation.reversed() if self.colours == "bgr" else normalisation
