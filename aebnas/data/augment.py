"""Random crops, flips, colours and cutouts of whole batches, as uint8 on the device.

All random numbers of an epoch are drawn at once, on the CPU, from the caller's
generator: the same seed gives the same images on every device, and a step waits
for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aebnas.config.sections.training import AugmentConfig
from aebnas.data.colour_jitter import colour_factors, jittered
from aebnas.data.dataset import Samples
from aebnas.data.resized_crops import crop_boxes, enlarged


class AugmentedImages:
    """The images of one split on the device, handed out in random batches.

    Crop: every image is padded once with black, and a batch is one gather of rows
    at random offsets.  Flip: each image is mirrored with probability 1/2; mirrored
    ones come first in a batch, which the order inside a batch does not matter for.
    Resized crops and colours are those of ``resized_crops`` and ``colour_jitter``.
    Cutout: the centre lies anywhere in the image, so a square can reach over its
    edge; it is filled with the mean colour.

    Args:
        images: Read-only arrays are fine; they are copied once, while padding.
        augment: What is changed.
        device: Where the images stay.
        grey: Fill of a cutout square, one value in 0..255 per channel.
    """

    def __init__(
        self, images: Samples, augment: AugmentConfig, *, device: torch.device, grey: list[int]
    ) -> None:
        """Copy the images to the device, padded."""
        self._augment = augment
        self._count = len(images)
        self._height, self._width, self._channels = images.shape
        rows, columns = self._height + 2 * augment.crop, self._width + 2 * augment.crop
        self._columns, self._pixels = columns, rows * columns
        stored = _padded(images, augment.crop).to(device)
        # every run of `width` pixels that starts at any pixel, as overlapping rows of one table
        self._runs = stored.as_strided(
            (self._count * self._pixels - self._width + 1, self._width * self._channels), (self._channels, 1)
        )
        self._row_offsets = torch.arange(self._height, device=device) * columns
        # one value per channel of a row: faster than broadcasting over 3 channels
        self._grey = torch.tensor(grey, dtype=torch.uint8, device=device).repeat(self._width)
        self._y = torch.arange(self._height, device=device).view(1, -1, 1)
        self._x = torch.arange(self._width, device=device).repeat_interleave(self._channels).view(1, 1, -1)

    def epoch(
        self, order: Tensor, batch_size: int, generator: torch.Generator, start: int = 0
    ) -> Iterator[Tensor]:
        """Yield uint8 batches ``(batch, h, w, c)`` of the images in ``order``, changed at random.

        Args:
            order: Indices on the CPU, a multiple of ``batch_size``.
            batch_size: Images per batch.
            generator: Source of all random numbers.
            start: Batches that are left out at the beginning; the others stay as they are.
        """
        device = self._runs.device
        batches = (-1, batch_size)
        starts = (order * self._pixels + self._crop_offsets(len(order), generator)).to(device).view(batches)
        mirrored = self._mirrored(len(order), generator).view(batches).sum(1).tolist()
        top, left = (
            corners.to(device).view(*batches, 1, 1) for corners in self._cutout_corners(len(order), generator)
        )
        boxes, factors = self._boxes(len(order), generator), self._factors(len(order), generator)
        for i, first in enumerate(mirrored[start:], start):
            part = slice(i * batch_size, (i + 1) * batch_size)
            runs = (starts[i, :, None] + self._row_offsets).view(-1)
            batch = self._runs.index_select(0, runs).view(-1, self._height, self._width, self._channels)
            if boxes is not None:
                batch = enlarged(batch, boxes[part])
            if first:
                batch[:first] = batch[:first].flip(2)
            if factors is not None:
                batch = jittered(batch, factors[part])
            yield self._cut_out(batch, top[i], left[i]) if self._augment.cutout else batch

    def _crop_offsets(self, count: int, generator: torch.Generator) -> Tensor:
        if not self._augment.crop:
            return torch.zeros(count, dtype=torch.int64)
        places = 2 * self._augment.crop + 1
        y = torch.randint(places, (count,), generator=generator)
        x = torch.randint(places, (count,), generator=generator)
        return y * self._columns + x

    def _mirrored(self, count: int, generator: torch.Generator) -> Tensor:
        if not self._augment.flip:
            return torch.zeros(count, dtype=torch.int64)
        return torch.randint(2, (count,), generator=generator)

    def _cutout_corners(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if not self._augment.cutout:
            return torch.zeros(count, dtype=torch.int64), torch.zeros(count, dtype=torch.int64)
        half = self._augment.cutout // 2
        y = torch.randint(self._height, (count,), generator=generator)
        x = torch.randint(self._width, (count,), generator=generator)
        return y - half, x - half

    def _boxes(self, count: int, generator: torch.Generator) -> Tensor | None:
        options = self._augment.random_resized_crop
        return None if options is None else crop_boxes(count, (self._height, self._width), options, generator)

    def _factors(self, count: int, generator: torch.Generator) -> Tensor | None:
        options = self._augment.colour_jitter
        if options is None:
            return None
        return colour_factors(count, options, generator).to(self._runs.device)

    def _cut_out(self, batch: Tensor, top: Tensor, left: Tensor) -> Tensor:
        side = self._augment.cutout
        rows = ((self._y >= top) & (self._y < top + side)).to(torch.uint8)
        columns = ((self._x >= left) & (self._x < left + side)).to(torch.uint8)
        pixels = batch.flatten(2)
        # uint8 wraps around, so this is exact; torch.where takes four times as long
        change = (self._grey - pixels).mul_(rows).mul_(columns)
        return pixels.add_(change).view_as(batch)


def _padded(images: Samples, pad: int) -> Tensor:
    """Return a copy with a black border; copying also frees torch from read-only arrays."""
    count, height, width, channels = images.pixels.shape
    padded = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), np.uint8)
    padded[:, pad : pad + height, pad : pad + width] = images.pixels
    return torch.from_numpy(padded)
