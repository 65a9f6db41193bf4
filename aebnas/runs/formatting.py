"""Numbers and architectures in words, the same on the page, in the terminal and in tables.

Must not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from aebnas.config.sections.constraints import Bound
from aebnas.runs.intervals import wilson_interval
from aebnas.space.api import Architecture
from aebnas.task.metrics.table import metric_of

FINAL = "final classifier"
"""Name of the last exit; the space keeps it from being a stage's name."""
NO_BREAK = "\u00a0"
"""A space that keeps a number and its prefix on one line."""
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def metric_name(metric: str) -> str:
    """Return a measured quantity's name for people."""
    _, _, profile = metric.partition("@")
    word = metric_of(metric).word
    return f"{word} on {profile}" if profile else word


def si(value: float) -> str:
    """Return a size with three significant digits and its prefix: ``412 k``, ``1.23 M``."""
    for scale, prefix in _PREFIXES:
        if abs(value) >= scale * 0.9995:  # 999,600 is 1.00 M, not 1000 k
            return f"{_three_digits(value / scale)}{NO_BREAK}{prefix}"
    return _three_digits(value) if value % 1 else f"{value:.0f}"


def _three_digits(value: float) -> str:
    whole = len(str(int(abs(value) + 0.5)))
    return f"{value:.{max(0, 3 - whole)}f}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as ``97.4%``."""
    return f"{share * 100:.{digits}f}%"


def metric_heading(metric: str) -> str:
    """Return a measured quantity's name as a heading."""
    name = metric_name(metric)
    return name[0].upper() + name[1:]


def metric_value(metric: str, value: float) -> str:
    """Return a measured value in its unit."""
    if metric_of(metric).is_share:
        return percent(value, 2)
    unit = metric_of(metric).unit
    return f"{value:.3g}{NO_BREAK}{unit}" if unit else si(value)


def further_metrics(metrics: Iterable[str], shown: Iterable[str]) -> list[str]:
    """Return which metrics a table adds to those it always shows, those of devices by their full names.

    Args:
        metrics: All that are known of a point.
        shown: Those that are shown in any case.
    """
    always = set(shown)
    return [
        name for name in metrics if name not in always and ("@" in name or not metric_of(name).is_of_device)
    ]


def interval(accuracy: float, images: int | None) -> str:
    """Return the 95% interval as ``96.1–98.4``; a dash where the number of images is unknown."""
    if images is None:
        return "–"
    low, high = wilson_interval(accuracy, images)
    return f"{low * 100:.1f}–{high * 100:.1f}"


def duration(seconds: float) -> str:
    """Return a time as ``12.3 s``, ``4 min 05 s`` or ``3 h 07 min``."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def landmarks(accuracies: Mapping[str, Sequence[float]]) -> str:
    """Return the accuracies of some networks at each of their exits."""
    return "; ".join(
        f"{name} {' / '.join(percent(accuracy, 1) for accuracy in exits)}"
        for name, exits in accuracies.items()
    )


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Return ``1 exit`` or ``2 exits``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def format_epochs(epochs: int | None) -> str:
    """Return for how many epochs a candidate was trained: ``inherited`` for none; a dash where unknown."""
    return "–" if epochs is None else str(epochs or "inherited")


def limits(metric: str, bound: Bound) -> str:
    """Return a constraint as ``expected MACs ≤ 3.00 M``."""
    signs = (("≥", bound.min), ("≤", bound.max))
    return " and ".join(
        f"{metric_name(metric)} {sign} {metric_value(metric, value)}"
        for sign, value in signs
        if value is not None
    )


def exit_names(architecture: Architecture) -> tuple[str, ...]:
    """Return the name of every exit in order, ``FINAL`` last."""
    return (*architecture.exit_names, FINAL)
