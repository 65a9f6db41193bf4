"""Values of metrics, checked where code from outside computes them.

What is no finite number could be neither compared nor stored, and a share of 2 would lead every front: so
whatever asks a metric for a value asks here.  Must not import torch.
"""

from __future__ import annotations

import math
from numbers import Real

from aebnas.errors import CodeError
from aebnas.extensions.names import is_outside
from aebnas.task.metrics.inputs import Answers, Costs, Point
from aebnas.task.metrics.metric import Metric, OfAnswers, Span
from aebnas.task.metrics.table import metric_of

SLACK = 1e-9
"""How far rounding may carry a value beyond its range; it is set back to the end of the range."""


def value_at(point: Point, name: str) -> float:
    """Return the value of a metric at an operating point.

    Args:
        point: Of a trained network.
        name: By which the value is filed: of a device's metric with ``@PROFILE``.

    Raises:
        CodeError: The metric is from outside, and gave no finite number or one out of its range.
    """
    metric = metric_of(name)
    return _checked(metric, name, metric.at(point, name))


def span_of(costs: Costs, name: str) -> Span | None:
    """Return the least and the largest value that training can lead to; None: anything.

    Args:
        costs: Of a network.
        name: By which the value is filed.

    Raises:
        CodeError: As of ``value_at``.
    """
    metric = metric_of(name)
    span = metric.span(costs, name)
    if span is None or not is_outside(name.partition("@")[0]):
        return span
    returned: object = span
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise _refusal(name, returned, "span() must return two finite numbers, or None")
    low, high = (_checked(metric, name, value) for value in returned)
    return low, high


def value_of_answers(metric: OfAnswers, name: str, given: Answers) -> float:
    """Return the value of a metric of answers.

    Args:
        metric: The metric.
        name: By which the value is filed.
        given: What was answered.

    Raises:
        CodeError: As of ``value_at``.
    """
    return _checked(metric, name, metric.measure(given))


def _checked(metric: Metric, name: str, value: object) -> float:
    """Return a value if it is a finite number in the range of its metric; ours are trusted."""
    if not is_outside(name.partition("@")[0]):
        return value  # type: ignore[return-value]
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise _refusal(name, value, "a metric must return one finite number")
    number = float(value)
    low = 0.0 if metric.is_share else -math.inf
    highest = math.inf if metric.highest is None else metric.highest
    high = min(1.0, highest) if metric.is_share else highest
    if not low - SLACK <= number <= high + SLACK:
        law = "a share (is_share=True) lies between 0 and 1" if metric.is_share else ""
        most = "" if metric.highest is None else f"its highest value is said to be {metric.highest:g}"
        raise _refusal(name, value, ", and ".join(filter(None, (law, most))))
    return min(max(number, low), high)


def _refusal(name: str, value: object, law: str) -> CodeError:
    shown = " ".join(repr(value).split())
    kind = "" if isinstance(value, float) else f" ({type(value).__name__})"
    return CodeError(
        f"the metric {name} returned {shown[:77] + '...' if len(shown) > 80 else shown}{kind}, but {law}. "
        "This is code from outside AEBNAS"
    )
