"""From a uint8 batch to the network's input: resized, normalised, laid out.

Everything before the last step stays uint8: a quarter of the memory traffic.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aebnas.task.input_size import Crop, centre_crop
from aebnas.task.input_spec import InputSpec


class InputPreparation:
    """Turns uint8 ``(batch, h, w, c)`` into normalised ``(batch, c, *size)``.

    Of images of another shape the middle is taken, so that nothing is stretched, unless the
    network asks for that; then they are resized, antialiased.

    Args:
        shape: Height, width and channels of the images that come.
        spec: What the network takes in; the arithmetic is fp32, whatever its type.
        device: Where the batches are.
        memory_format: ``torch.channels_last`` (no copy: images are stored so) or
            ``torch.contiguous_format``.

    Raises:
        ValueError: The network's normalisation is not known.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        spec: InputSpec,
        *,
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        """Lay out scale and shift once, so that normalising is one pass over flat rows."""
        height, width, self._channels = shape
        rows, columns = self._size = _two_sides(spec)
        is_whole = spec.fit == "stretch"
        self._crop = Crop(0, 0, height, width) if is_whole else centre_crop((height, width), (rows, columns))
        self._is_resized = self._crop[2:] != self._size
        self._is_flipped = spec.colours == "bgr"
        self._is_channels_last = memory_format == torch.channels_last
        self._dtype: torch.dtype = getattr(torch, spec.dtype)
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in spec.known_normalisation)
        self._scale = self._row(1 / (255 * std)).to(device, torch.float32)
        self._shift = self._row(-mean / std).to(device, torch.float32)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the network's input for one batch."""
        top, left, rows, columns = self._crop
        images = images[:, top : top + rows, left : left + columns]
        if self._is_resized:
            images = self._resize(images)
        if self._is_flipped:
            images = images.flip(3)
        batch, (height, width) = len(images), self._size
        planes = images if self._is_channels_last else images.permute(0, 3, 1, 2).contiguous()
        flat = planes.reshape(batch, -1).to(torch.float32).mul_(self._scale).add_(self._shift).to(self._dtype)
        if self._is_channels_last:
            return flat.view(batch, height, width, self._channels).permute(0, 3, 1, 2)
        return flat.view(batch, self._channels, height, width)

    def _row(self, per_channel: Tensor) -> Tensor:
        """Repeat one value per channel over a whole image, in the layout of the result.

        A row as long as an image is five times as fast as broadcasting 3 values.
        """
        pixels = self._size[0] * self._size[1]
        return per_channel.repeat(pixels) if self._is_channels_last else per_channel.repeat_interleave(pixels)

    def _resize(self, images: Tensor) -> Tensor:
        planes = images.permute(0, 3, 1, 2)
        if planes.is_cuda:  # the uint8 kernel, six times as fast as fp32, is for the CPU alone
            planes = planes.to(torch.float32)
        resized = functional.interpolate(
            planes, size=self._size, mode="bilinear", antialias=True, align_corners=False
        )
        if resized.is_floating_point():
            resized = resized.round_().clamp_(0, 255).to(torch.uint8)
        return resized.permute(0, 2, 3, 1)


def _two_sides(spec: InputSpec) -> tuple[int, int]:
    height, width = spec.size
    return height, width
