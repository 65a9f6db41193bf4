"""Confidence intervals of an accuracy that was counted on a finite number of images.

Must not import torch.
"""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""Two-sided 95% quantile of the normal distribution."""


def wilson_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share of right answers.

    Unlike the normal approximation it stays within [0, 1] and keeps its width near
    100%, where good candidates are.  It holds for one network chosen beforehand; the
    best of many on the same images is optimistic beyond it.

    Args:
        accuracy: Share of right answers.
        images: Number of images they were counted on, at least 1.

    Raises:
        ValueError: The share or the number is impossible.

    Source: Wilson, JASA 22 (1927).
    """
    if not 0 <= accuracy <= 1 or images < 1:
        raise ValueError(f"0 <= accuracy <= 1 and images >= 1 must hold, but got ({accuracy=:g}, {images=})")
    weight = Z_95**2 / images
    centre = (accuracy + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * math.sqrt(accuracy * (1 - accuracy) / images + weight / (4 * images))
    # rounding may leave 0 and 1 by one unit in the last place
    return max(0.0, min(accuracy, centre - half)), min(1.0, max(accuracy, centre + half))
