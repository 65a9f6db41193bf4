"""Random changes of brightness, contrast and saturation, as one affine map of each image's colours.

With ``b``, ``c`` and ``s`` the factors of an image and ``m`` its mean grey, a pixel ``x`` becomes
``s y + (1 - s) grey(y)`` with ``y = c b x + (1 - c) b m``.  Values are cut to 0..255 once, at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from aebnas.config.sections.training import ColourJitterConfig

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the brightness that people see (ITU-R BT.601)."""


def colour_factors(count: int, options: ColourJitterConfig, generator: torch.Generator) -> Tensor:
    """Return factors of brightness, contrast and saturation of every image, ``(count, 3)``, around 1.

    Args:
        count: Images.
        options: How far each may be from 1.
        generator: Source of all random numbers, three per image.
    """
    spread = torch.tensor([options.brightness, options.contrast, options.saturation])
    return 1 + spread * (2 * torch.rand(count, 3, generator=generator) - 1)


def jittered(images: Tensor, factors: Tensor) -> Tensor:
    """Return images in other colours.

    Args:
        images: uint8 ``(batch, h, w, c)``; those of other than 3 channels have no saturation.
        factors: Of ``colour_factors``, ``(batch, 3)``, on their device.

    Returns:
        uint8, of the shape of ``images``.
    """
    batch, channels = len(images), images.shape[3]
    pixels = images.reshape(batch, -1, channels).float()
    luma = pixels.new_tensor(LUMA) if channels == 3 else pixels.new_full((channels,), 1 / channels)
    brightness, contrast, saturation = factors.view(batch, 3, 1, 1).unbind(1)
    if channels != 3:
        saturation = torch.ones_like(saturation)
    mean = (pixels.mean(dim=1) @ luma).view(batch, 1, 1)
    mixing = saturation * torch.eye(channels, device=images.device) + (1 - saturation) * luma[:, None]
    shift = ((1 - contrast) * brightness * mean).expand(batch, 1, channels)
    changed = torch.baddbmm(shift, pixels, contrast * brightness * mixing)
    return changed.round_().clamp_(0, 255).to(torch.uint8).view_as(images)
