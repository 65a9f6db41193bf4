"""Augmented views of images: what a random crop, a flip and a change of colours make of uint8 batches.

A view follows from (seed, number of the view, place of the image in its split) alone, whatever the batch it
is made in: features of it can be kept, or made again one by one.  View 0 is the image as it is.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in the brightness that people see (ITU-R BT.601)."""


class Views(Protocol):
    """Makes views of training images."""

    @property
    def identity(self) -> str:
        """Return what decides every view, but for the images."""

    def view(self, images: Tensor, rows: Tensor, number: int, count: int) -> Tensor:
        """Return one view of some images, uint8 ``(batch, h, w, c)``.

        Args:
            images: uint8, ``(batch, h, w, c)``.
            rows: Where each stands in its split, int64, ``(batch,)``, on the CPU.
            number: Of the view; 0 returns ``images``.
            count: Images of the split.
        """


@dataclass(frozen=True)
class RandomViews:
    """Random resized crops, flips and changes of colour, all drawn once for a split."""

    seed: int
    area: tuple[float, float] = (0.6, 1.0)
    """Share of the image that a crop keeps, smallest and largest; it is enlarged to the image's size."""
    stretch: float = 4 / 3
    """Largest change of the ratio of height and width, either way."""
    flip: bool = True
    """Mirror half of the images left to right."""
    brightness: float = 0.2
    """Largest share by which pixels become brighter or darker; contrast and saturation alike."""
    contrast: float = 0.2
    saturation: float = 0.2

    @property
    def identity(self) -> str:
        """Return every setting by name."""
        return f"random {asdict(self)}"

    @cached_property
    def _drawn(self) -> dict[tuple[int, int], Tensor]:
        return {}

    def view(self, images: Tensor, rows: Tensor, number: int, count: int) -> Tensor:
        """Return one view of some images; see ``Views``."""
        if number == 0:
            return images
        chances = self._chances(number, count).index_select(0, rows).to(images.device)
        pixels = images.permute(0, 3, 1, 2).float()
        grid = affine_grid(self._crops(chances), list(pixels.shape), align_corners=False)
        pixels = grid_sample(pixels, grid, padding_mode="border", align_corners=False)
        pixels = self._coloured(pixels, chances[:, 5:])
        return pixels.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _chances(self, number: int, count: int) -> Tensor:
        """Return eight numbers in 0..1 per image of a split."""
        if (number, count) not in self._drawn:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + number) % 2**63)
            self._drawn[number, count] = torch.rand(count, 8, generator=generator)
        return self._drawn[number, count]

    def _crops(self, chances: Tensor) -> Tensor:
        """Return from output to input coordinates, ``(batch, 2, 3)``, both from -1 to 1."""
        smallest, largest = self.area
        area = smallest + (largest - smallest) * chances[:, 0]
        ratio = torch.exp((2 * chances[:, 1] - 1) * math.log(self.stretch))
        height = (area * ratio).sqrt().clamp(max=1.0)
        width = (area / ratio).sqrt().clamp(max=1.0)
        zero = torch.zeros_like(area)
        mirrored = torch.where(chances[:, 4] < 0.5, -1.0, 1.0) if self.flip else zero + 1
        x = torch.stack([width * mirrored, zero, (1 - width) * (2 * chances[:, 2] - 1)], dim=1)
        y = torch.stack([zero, height, (1 - height) * (2 * chances[:, 3] - 1)], dim=1)
        return torch.stack([x, y], dim=1)

    def _coloured(self, pixels: Tensor, chances: Tensor) -> Tensor:
        brightness, contrast, saturation = (
            (1 + share * (2 * chances[:, i] - 1)).view(-1, 1, 1, 1)
            for i, share in enumerate((self.brightness, self.contrast, self.saturation))
        )
        pixels = pixels * brightness
        grey = _grey(pixels)
        pixels = grey.mean((2, 3), keepdim=True).lerp(pixels, contrast)
        return pixels if pixels.shape[1] != 3 else _grey(pixels).lerp(pixels, saturation)


def _grey(pixels: Tensor) -> Tensor:
    if pixels.shape[1] != 3:
        return pixels.mean(1, keepdim=True)
    return (pixels * pixels.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
