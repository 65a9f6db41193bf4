"""Random resized crops: a part of each image, of random size, shape and place, enlarged to the whole's size.

Source: Inception (CVPR 2015), as ImageNet trainings use it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from aebnas.config.sections.training import RandomResizedCropConfig


def crop_boxes(
    count: int, size: tuple[int, int], options: RandomResizedCropConfig, generator: torch.Generator
) -> Tensor:
    """Return one crop per image: top, left, height and width in pixels, int64 ``(count, 4)``.

    Area and ratio are drawn as they are asked for; a side that would be longer than the image is cut to it.

    Args:
        count: Images.
        size: Height and width of every image.
        options: Shares of the area, and ratios.
        generator: Source of all random numbers, four per image.
    """
    chances = torch.rand(count, 4, generator=generator, dtype=torch.float64)
    smallest, largest = options.scale
    area = smallest + (largest - smallest) * chances[:, 0]
    ratio = torch.exp((2 * chances[:, 1] - 1) * math.log(options.ratio))
    sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1.0)
    whole = torch.tensor(size, dtype=torch.float64)
    pixels = (sides * whole).round().clamp(min=1.0)
    corners = (chances[:, 2:] * (whole - pixels + 1)).floor()
    return torch.cat([corners, pixels], dim=1).to(torch.int64)


def enlarged(images: Tensor, boxes: Tensor) -> Tensor:
    """Return crops of images, each at the size of the whole.

    Image by image: torch's kernel for uint8 on CPUs is 1.5 to 3 times as fast as one ``grid_sample`` of all.

    Args:
        images: uint8 ``(batch, h, w, c)``.
        boxes: Of ``crop_boxes``, ``(batch, 4)``, on the CPU.

    Returns:
        uint8, of the shape of ``images``.
    """
    height, width = images.shape[1:3]
    planes = images.permute(0, 3, 1, 2)
    crops = []
    for image, (top, left, rows, columns) in zip(planes, boxes.tolist(), strict=True):
        crop = image[None, :, top : top + rows, left : left + columns]
        crops.append(_resized(crop, (height, width)) if (rows, columns) != (height, width) else crop)
    return torch.cat(crops).permute(0, 2, 3, 1)


def _resized(crop: Tensor, size: tuple[int, int]) -> Tensor:
    if crop.is_cuda:  # the uint8 kernel is for the CPU alone
        return interpolate(crop.float(), size, mode="bilinear", antialias=True).round_().to(torch.uint8)
    return interpolate(crop, size, mode="bilinear", antialias=True)
