"""Every metric by its name: what files may name, and what all rooms ask when they meet one.

To add a metric, enter it here; nothing else names it.  Those of users are named ``package.module:NAME`` in
their files.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside
from aebnas.task.metrics.answers import balanced_accuracy, macro_f1
from aebnas.task.metrics.metric import Expected, Metric, OfAnswers, OfNetwork, OfPoint, last_reach
from aebnas.task.metrics.unread import UnreadMetric

_ON_SELECT, _PER_IMAGE = " on select", " per image"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "accuracy": OfPoint(
            word="accuracy",
            help="share of right answers; as an objective write error",
            highest=1.0,
            is_share=True,
            axis=_ON_SELECT,
            is_objective=False,
            read=lambda point: point.accuracy,
        ),
        "error": OfPoint(
            word="error",
            help="share of wrong answers",
            is_share=True,
            axis=_ON_SELECT,
            read=lambda point: 1.0 - point.accuracy,
        ),
        "macs": Expected(
            word="expected MACs",
            help="mean multiply-accumulates of a sample, each at the exit where it leaves",
            of="macs",
            axis=_PER_IMAGE,
        ),
        "worst_macs": OfNetwork(
            word="worst-case MACs",
            help="multiply-accumulates of a sample that reaches the last exit",
            count=last_reach("macs"),
            axis=_PER_IMAGE,
        ),
        "params": OfNetwork(
            word="parameters",
            help="number of parameters, all exits included",
            count=lambda costs, _: float(costs.params),
        ),
        "peak_activation_bytes": OfNetwork(
            word="peak activation bytes",
            help="largest sum of live activations anywhere, fp32, for one image",
            count=lambda costs, _: float(costs.peak_activation_bytes),
        ),
        "latency_ms": Expected(
            word="expected latency",
            help="mean milliseconds of a sample on a device",
            of="latency_ms",
            unit="ms",
            is_of_device=True,
        ),
        "worst_latency_ms": OfNetwork(
            word="worst-case latency",
            help="milliseconds to the last exit on a device",
            count=last_reach("latency_ms"),
            unit="ms",
            is_of_device=True,
        ),
        "energy_mj": Expected(
            word="expected energy",
            help="mean millijoules of a sample on a device",
            of="energy_mj",
            unit="mJ",
            is_of_device=True,
        ),
        "worst_energy_mj": OfNetwork(
            word="worst-case energy",
            help="millijoules to the last exit on a device",
            count=last_reach("energy_mj"),
            unit="mJ",
            is_of_device=True,
        ),
        "balanced_accuracy": OfAnswers(
            word="balanced accuracy",
            help="mean over the classes of the share of each that is answered rightly",
            highest=1.0,
            is_share=True,
            axis=_ON_SELECT,
            measure=balanced_accuracy,
        ),
        "macro_f1": OfAnswers(
            word="macro F1",
            help="mean over the classes of the harmonic mean of precision and recall",
            highest=1.0,
            is_share=True,
            axis=_ON_SELECT,
            measure=macro_f1,
        ),
    }
)
"""In the order in which tables list them."""


def metric_of(name: str) -> Metric:
    """Return the metric that goes by a name, with or without ``@PROFILE``.

    One from outside, ``package.module:NAME``, is loaded where code is allowed; elsewhere something stands
    for it that knows its stored values alone.

    Raises:
        KeyError: There is none.
        CodeError: The code behind the name is missing or wrong.
    """
    base = name.partition("@")[0]
    if base in METRICS or not is_outside(base):
        return METRICS[base]
    if not is_allowed():
        return UnreadMetric(word=base, help="")
    metric: Metric = loaded(base, kinds.METRIC)
    return metric


def metric_names(kind: type[Metric]) -> tuple[str, ...]:
    """Return the names of the metrics of one kind, as ``Expected``."""
    return tuple(name for name, metric in METRICS.items() if isinstance(metric, kind))


def metrics_of_answers(names: Iterable[str]) -> dict[str, OfAnswers]:
    """Return those of some metrics that are computed from answers, by name."""
    metrics = {name: metric_of(name) for name in names}
    return {name: metric for name, metric in metrics.items() if isinstance(metric, OfAnswers)}


DEVICE_METRICS = tuple(name for name, metric in METRICS.items() if metric.is_of_device)
"""Quantities of a hardware profile; ``latency_ms@NAME`` where there are several."""
EXPECTED_METRICS = metric_names(Expected)
"""Quantities that exits trade for accuracy; each has its ``worst_`` case."""
ANSWER_METRICS = metric_names(OfAnswers)
"""Quantities of answers: computed where a search asks for them."""
EVERYWHERE = tuple(
    name for name, metric in METRICS.items() if not metric.is_of_device and name not in ANSWER_METRICS
)
"""Quantities that every run measures."""
