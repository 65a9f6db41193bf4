"""Evaluations: what is known of one trained candidate.

An ``Evaluation`` is a *curve*, not a point: thresholds were not part of the
training.  ``metrics(budget_fraction)`` reads one operating point off it.  Must not
import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aebnas.errors import RunError
from aebnas.evaluation.identity import training_seed
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.space.api import Architecture
from aebnas.space.spaces import architecture_from_dict
from aebnas.task.metrics.inputs import Costs, Point
from aebnas.task.metrics.table import DEVICE_METRICS, EVERYWHERE, metric_of
from aebnas.task.metrics.values import span_of, value_at

if TYPE_CHECKING:
    from aebnas.hardware.cost.cost import NetworkCost


class Status(StrEnum):
    """How an evaluation ended; a person is told more by the message beside it."""

    DONE = "done"
    FAILED = "failed"
    """By what the candidate is: it would fail again."""
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_DIED = "worker_died"
    TOO_SLOW = "too_slow"
    """It took longer than ``workers.timeout_minutes``."""
    CANNOT_WRITE = "cannot_write"
    """The disk of features and heads is full, or cannot be written."""
    BROKEN_DEVICE = "broken_device"
    """After which nothing works any more on the GPU of that process."""


MACHINE_FAILURES = (
    Status.OUT_OF_MEMORY, Status.WORKER_DIED, Status.TOO_SLOW, Status.CANNOT_WRITE, Status.BROKEN_DEVICE,
)  # fmt: skip
"""What depends on the machine: such a run is not exactly repeatable."""


@dataclass(frozen=True)
class Evaluation:
    """The outcome of one training, or why there is none."""

    architecture: Architecture
    status: Status
    seed: int
    reach_macs: tuple[float, ...]
    """MACs to leave at each exit, heads tried on the way included."""
    params: int
    peak_activation_bytes: int
    seconds: float = 0.0
    """Wall-clock time of the worker."""
    cpu_seconds: float = 0.0
    """Processor time of the worker."""
    reach_costs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The same on devices, by ``latency_ms@PROFILE`` and ``energy_mj@PROFILE``."""
    cut_short_costs: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Cost of the network that ends at each exit, earlier heads left out, by ``macs`` and the names of
    ``reach_costs``; the reach costs where answers are sums over the exits before."""
    cost_metric: str = "macs"
    """Unit of the curve's cost: what its exits trade for accuracy."""
    precision: str = "fp32"
    memory_mb: float = 0.0
    """Largest memory of the worker process (on CUDA: allocated on the device) so far."""
    train_loss: float | None = None
    """Mean joint loss of the last epoch, in nats."""
    curve: OperatingCurve | None = None
    target_check: Mapping[str, Any] | None = None
    """With a target: is it met on calibrate, by how much is it missed, what can be met; ``violation``;
    where the exit policy has several settings, ``settings`` holds the same of each."""
    message: str = ""
    """Why it failed, in words; nothing reads them but people."""
    epochs: int | None = None
    """Of training until then, of a failed one those that it was to have; None: nobody said."""
    fidelity: str = ""
    """Under which it is filed: a name of the plan."""

    @property
    def key(self) -> str:
        """Return the architecture's identity."""
        return self.architecture.key()

    @property
    def is_done(self) -> bool:
        """Return whether the training succeeded."""
        return self.status is Status.DONE

    @property
    def needs_earlier_heads(self) -> bool:
        """Return whether its later exits add to the answers of earlier ones, as boosted ones do."""
        return len(self.reach_macs) > 1 and self.cut_short_costs.get("macs") == self.reach_macs

    @property
    def status_text(self) -> str:
        """Return ``done``, or ``failed: why``, for people."""
        return "done" if self.is_done else f"failed: {self.message}"

    @property
    def is_machine_failure(self) -> bool:
        """Return whether another machine might have finished this candidate."""
        return self.status in MACHINE_FAILURES

    def failed(self, message: str, status: Status = Status.FAILED) -> Evaluation:
        """Return the same candidate as one whose evaluation failed.

        Args:
            message: Why, in words.
            status: What kind of failure it was.
        """
        return replace(self, status=status, message=message, curve=None)

    def point_index(self, budget_fraction: float, setting: str = "") -> int:
        """Return the index of the curve's point for a share of the network's own full cost.

        The most accurate point on *calibrate* whose cost, in ``cost_metric``, is within
        ``budget_fraction`` times the cost to the last exit; the cheapest one where there is none.
        ``setting``: of the exit policy, where it is a gene; ``""``: the best of all.

        Raises:
            RunError: The candidate failed.
        """
        curve = self._known_curve()
        return curve.index_within(budget_fraction * float(curve.reach_cost[-1]), setting)

    def metrics(self, budget_fraction: float, setting: str = "") -> dict[str, float]:
        """Return every measured quantity at one operating point, scored on *select*.

        Keys: the names of ``METRICS``, those of answers where the search asked for them; those of devices
        as ``latency_ms@PROFILE``, with a single profile also without ``@PROFILE``.
        """
        point = self._point(self.point_index(budget_fraction, setting))
        computed = {name: full for name, full in self._metric_names().items() if name not in point.measured}
        return {name: value_at(point, full) for name, full in computed.items()} | dict(point.measured)

    def with_measured(self, names: Iterable[str]) -> Evaluation:
        """Return the same with metrics kept at every point of the curve; those that are kept already stay.

        Args:
            names: Metrics that need no answers.

        Raises:
            CodeError: One from outside gave no finite number, or one out of its range.
        """
        curve = self._known_curve()
        new = [name for name in names if name not in curve.measured]
        if not new:
            return self
        points = [self._point(i) for i in range(len(curve))]
        more = {name: np.array([value_at(point, name) for point in points], np.float64) for name in new}
        return replace(self, curve=replace(curve, measured={**curve.measured, **more}))

    def sizes(self) -> dict[str, float]:
        """Return every quantity that the architecture alone decides, those of devices by their full names."""
        names = dict.fromkeys(self._metric_names().values())
        spans = {name: span_of(self.costs, name) for name in names if metric_of(name).is_exact}
        return {name: span[0] for name, span in spans.items() if span is not None}

    @property
    def costs(self) -> Costs:
        """Return what the network costs, whatever its exits decide."""
        reach = {"macs": self.reach_macs, **self.reach_costs}
        return Costs(reach, self.params, self.peak_activation_bytes)

    def violation(self, setting: str = "") -> float | None:
        """Return how far the target is missed, as a share of it; 0: it is met; None: there is none."""
        if self.target_check is None:
            return None
        return float(self.target_check.get("settings", {}).get(setting, self.target_check)["violation"])

    def _metric_names(self) -> dict[str, str]:
        """Return by which names quantities are known of this candidate, each with its full name."""
        measured = self._known_curve().measured
        names = {name: name for name in (*EVERYWHERE, *measured)}
        profiles = {name.partition("@")[2] for name in self.reach_costs}
        for name in self.reach_costs:
            base, _, profile = name.partition("@")
            own = [metric for metric in DEVICE_METRICS if metric in (base, f"worst_{base}")]
            names |= {f"{metric}@{profile}": f"{metric}@{profile}" for metric in own}
            names |= {metric: f"{metric}@{profile}" for metric in own if len(profiles) == 1}
        return names

    def _point(self, index: int) -> Point:
        """Return one point of the curve."""
        curve = self._known_curve()
        return Point(
            self.costs,
            accuracy=float(curve.select_accuracy[index]),
            exit_rates=curve.exit_rates[index],
            expected_costs={self.cost_metric: float(curve.select_cost[index])},
            measured={name: float(values[index]) for name, values in curve.measured.items()},
        )

    def _known_curve(self) -> OperatingCurve:
        if self.curve is None:
            raise RunError(f"candidate {self.key} has no operating curve: {self.status_text}")
        return self.curve

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        curve = None if self.curve is None else self.curve.to_dict()
        return {**plain, "architecture": self.architecture.to_dict(), "curve": curve}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that ``to_dict`` described."""
        curve = plain["curve"]
        return cls(
            **{
                **plain,
                "status": Status(plain["status"]),
                "architecture": architecture_from_dict(plain["architecture"]),
                "curve": None if curve is None else OperatingCurve.from_dict(curve),
                "reach_macs": tuple(plain["reach_macs"]),
                "reach_costs": {name: tuple(reach) for name, reach in plain["reach_costs"].items()},
                "cut_short_costs": {
                    name: tuple(costs) for name, costs in plain.get("cut_short_costs", {}).items()
                },
            }
        )


@dataclass(frozen=True, eq=False)
class ExitRecord:
    """What every exit said on one split, so that any threshold policy can be rescored."""

    scores: Mapping[str, NDArray[np.float32]]
    """Each of shape ``(N, E)``, by score name."""
    predictions: NDArray[np.integer[Any]]
    """Predicted classes, shape ``(N, E)``."""


@dataclass(frozen=True, eq=False)
class Artefacts:
    """What a training leaves besides its evaluation."""

    calibrate: ExitRecord
    select: ExitRecord
    calibrate_logits: NDArray[np.float32]
    """Shape ``(N, E, K)``."""
    select_logits: NDArray[np.float32]
    weights: bytes
    """A state dict as ``torch.save`` writes it; load with ``weights_only=True``."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """One evaluated candidate; artefacts only where it is done."""

    evaluation: Evaluation
    artefacts: Artefacts | None = None


def draft_evaluation(
    architecture: Architecture,
    cost: NetworkCost,
    run_seed: int,
    reach_costs: Mapping[str, tuple[float, ...]] | None = None,
    cut_short_costs: Mapping[str, tuple[float, ...]] | None = None,
) -> Evaluation:
    """Return an evaluation with everything that is known before training.

    Args:
        architecture: The candidate.
        cost: Its MACs and sizes.
        run_seed: Of the run.
        reach_costs: To leave at each exit, on devices.
        cut_short_costs: Of the network that ends at each exit, in MACs and on devices; default: in MACs.
    """
    if cut_short_costs is None:
        cut_short_costs = {"macs": tuple(cost.cut_short_macs.tolist())}
    return Evaluation(
        architecture=architecture,
        status=Status.DONE,
        seed=training_seed(run_seed, architecture.key()),
        reach_macs=tuple(cost.reach_macs.tolist()),
        params=cost.params,
        peak_activation_bytes=cost.peak_activation_bytes,
        reach_costs=reach_costs or {},
        cut_short_costs=cut_short_costs,
    )
