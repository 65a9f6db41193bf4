"""Numbers as a page carries them: few digits, shares as 16-bit counts in base64.

Must not import torch.
"""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from aebnas.evaluation.record import Evaluation
from aebnas.exits.operating_curve import OperatingCurve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FINEST = 65535
"""Largest count that 16 bits hold; unit of shares whose number of images is unknown or larger."""
FEWEST_POINTS = 40
"""Of a curve that is thinned."""


def scale_of(images: int | None) -> int:
    """Return the number that shares of images are counts of: exact where it is known and fits."""
    return images if images is not None and images <= FINEST else FINEST


def packed(shares: FloatArray, scale: int) -> str:
    """Return shares in [0, 1] as counts of ``scale``: 16 bits each, little-endian, base64.

    Args:
        shares: Any shape; written row by row.
        scale: At most ``FINEST``.
    """
    counts = np.rint(np.clip(shares, 0.0, 1.0) * scale).astype("<u2")
    return base64.b64encode(np.ascontiguousarray(counts).tobytes()).decode()


def packed_curve(curve: OperatingCurve, kept: IntArray, scale: int) -> str:
    """Return a curve as rows of accuracy and exit rates on select, one column per point.

    The last exit's rates are what the others leave, and costs are rates times reach costs.

    Args:
        curve: The curve.
        kept: Indices of its points.
        scale: As for ``packed``.
    """
    rows = np.vstack([curve.select_accuracy[kept], curve.exit_rates[kept, :-1].T])
    return packed(rows, scale)


def kept_points(evaluation: Evaluation, needed: set[int], limit: int | None) -> IntArray:
    """Return the points of a curve to carry: all, or so many spread evenly, needed ones always among them.

    Args:
        evaluation: A finished one.
        needed: Indices that must be there.
        limit: Of the points; None: all are kept.
    """
    size = 0 if evaluation.curve is None else len(evaluation.curve.select_cost)
    spread = np.unique(np.linspace(0, size - 1, min(size, limit or size)).round().astype(np.int64))
    return np.union1d(spread, np.array(sorted(needed), dtype=np.int64))


def point_limit(front: list[Evaluation], others: list[Evaluation], budget_bytes: int) -> int:
    """Return how many points each curve off the front may have, so that a page stays small.

    Args:
        front: Their curves are carried whole.
        others: Theirs share what is left.
        budget_bytes: Of all packed curves.
    """

    def weight(evaluation: Evaluation) -> float:  # bytes of one point, in base64
        return 2 * len(evaluation.reach_macs) * 4 / 3

    whole = sum(
        weight(evaluation) * len(evaluation.curve.select_cost)
        for evaluation in front
        if evaluation.curve is not None
    )
    left = max(0.0, budget_bytes - whole)
    return max(FEWEST_POINTS, int(left / max(1.0, sum(weight(evaluation) for evaluation in others))))


def short(value: float, digits: int = 6) -> float | int:
    """Return a number with few significant digits, whole where it can be."""
    number = float(f"{value:.{digits}g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
