"""What the scripts of ``exits.html`` draw: every policy's curve, every exit's bins of confidence.

Must not import torch.
"""

from __future__ import annotations

from typing import Any

from aebnas.exits.quality.calibration import Reliability
from aebnas.report.exits.study import ExitStudy
from aebnas.runs.formatting import FINAL

_MARGIN = 0.02
"""Room below the weakest budget point and above the best point of a curve."""


def figure_data(study: ExitStudy) -> dict[str, Any]:
    """Return the page's data.

    ``policies``: name and ``curve`` of ``[cost share, accuracy, low, high]``; ``range``: accuracies that
    are shown at first, the weakest points may lie below; ``exits``: name, and ``plain`` and ``scaled``
    bins of ``[confidence, accuracy, images]``, before and after temperature scaling.
    """
    families = study.comparison.families
    best = max(point[1] for family in families for point in family.curve)
    lowest = min(point.low for family in families for point in family.points)
    names = [name if name == FINAL else f"exit {name}" for name in study.exits]
    return {
        "policies": [
            {"name": family.name, "curve": [list(point) for point in family.curve]} for family in families
        ],
        "range": [max(0.0, lowest - _MARGIN), min(1.0, best + _MARGIN)],
        "exits": [
            {
                "name": name,
                "plain": _bins(result.plain.reliability),
                "scaled": _bins(result.scaled.reliability),
            }
            for name, result in zip(names, study.comparison.exits, strict=True)
        ],
    }


def _bins(bins: Reliability) -> list[list[float]]:
    rows = zip(bins.confidence, bins.accuracy, bins.count, strict=True)
    return [[confidence, accuracy, images] for confidence, accuracy, images in rows if images]
