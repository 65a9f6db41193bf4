"""What a network and its policy reach on images that nothing was fitted on.

Bands are 95% bootstrap intervals over the images, network and policy held fixed: the chance in
which images were drawn, not that of another training.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.exits.core.answers import answers_at
from aebnas.exits.core.outcome import PolicyOutcome, outcome_at
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.quality.calibration import CalibrationReport, decision_calibration, exit_calibration
from aebnas.exits.quality.comparison import bootstrap_interval, paired_interval
from aebnas.task.metrics.table import METRICS, metrics_of_answers

RESAMPLES = 10_000
QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class WithInterval:
    """A mean and its 95% bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ExitScore:
    """One exit."""

    name: str
    reach_macs: float
    """MACs of leaving here."""
    accuracy: WithInterval
    """If it answered every image."""
    leaving: int
    """Images that leave here."""
    rate: float
    """Their share."""
    accuracy_of_leaving: WithInterval | None
    """Of those; None where no image leaves."""
    calibration: CalibrationReport
    """Among all images."""
    arriving: CalibrationReport
    """Among those that arrive here."""


@dataclass(frozen=True)
class PolicyScore:
    """The network as it is used: every image leaves where its policy says."""

    accuracy: WithInterval
    harm: float
    """Share of images with a wrong early answer where the last exit's is right."""
    macs: WithInterval
    """Mean per image: MACs of leaving at each exit times exit rates."""
    full_macs: float
    """Of an image that reaches the last exit."""
    costs: Mapping[str, float]
    """Predicted mean per image, by latency_ms@PROFILE and energy_mj@PROFILE."""
    calibration: CalibrationReport
    """Of the answers given."""
    metrics: Mapping[str, float]
    """Every metric of answers, by name."""


@dataclass(frozen=True, eq=False)
class NetworkScore:
    """A network on test images."""

    images: int
    exits: tuple[ExitScore, ...]
    policy: PolicyScore
    chosen: NDArray[np.int64]
    """The exit of every image."""
    right: NDArray[np.bool_]
    """Whether the answer given is right, by image."""


def score(
    samples: ExitSamples, policy: ExitPolicy, names: Sequence[str], reach_costs: Mapping[str, Sequence[float]]
) -> NetworkScore:
    """Return what a network reaches.

    Args:
        samples: Logits on test images; the reach cost is in MACs.
        policy: When an image leaves.
        names: Of the exits.
        reach_costs: Cost of leaving at each exit on devices.
    """
    chosen = policy.decide(samples.logits)
    outcome = outcome_at(chosen, samples)
    right = samples.correct[np.arange(len(samples)), chosen]
    return NetworkScore(
        images=len(samples),
        exits=tuple(_exits(samples, chosen, names)),
        policy=PolicyScore(
            accuracy=_share(right),
            harm=outcome.harm,
            macs=_mean_cost(outcome, samples),
            full_macs=float(samples.reach_cost[-1]),
            costs={
                name: float(outcome.exit_rates @ np.asarray(reach)) for name, reach in reach_costs.items()
            },
            calibration=decision_calibration(samples, chosen),
            metrics=_metrics(samples, chosen),
        ),
        chosen=chosen,
        right=right,
    )


def difference(first: NetworkScore, other: NetworkScore) -> WithInterval:
    """Return the accuracy of one minus that of another on the same images, with its paired interval."""
    apart = first.right.astype(np.float64) - other.right.astype(np.float64)
    return WithInterval(float(apart.mean()), *paired_interval(apart))


def plain(report: CalibrationReport) -> dict[str, Any]:
    """Return a calibration for JSON, its bins left out."""
    return {name: value for name, value in report.to_dict().items() if name != "reliability"}


def _exits(samples: ExitSamples, chosen: NDArray[np.int64], names: Sequence[str]) -> list[ExitScore]:
    scores = []
    for i, calibration in enumerate(exit_calibration(samples, chosen)):
        leaves = chosen == i
        scores.append(
            ExitScore(
                name=names[i],
                reach_macs=float(samples.reach_cost[i]),
                accuracy=_share(samples.correct[:, i]),
                leaving=int(leaves.sum()),
                rate=float(leaves.mean()),
                accuracy_of_leaving=_share(samples.correct[leaves, i]) if leaves.any() else None,
                calibration=calibration.all_samples,
                arriving=calibration.arriving,
            )
        )
    return scores


def _metrics(samples: ExitSamples, chosen: NDArray[np.int64]) -> dict[str, float]:
    given = answers_at(chosen, samples, with_logits=True)
    return {name: metric.measure(given) for name, metric in metrics_of_answers(METRICS).items()}


def _share(right: NDArray[np.bool_]) -> WithInterval:
    value = float(right.mean())
    return WithInterval(value, *bootstrap_interval(value, len(right)))


def _mean_cost(outcome: PolicyOutcome, samples: ExitSamples) -> WithInterval:
    count = len(samples)
    drawn = np.random.default_rng(0).multinomial(count, outcome.exit_rates, RESAMPLES)
    low, high = np.quantile(drawn @ samples.reach_cost / count, QUANTILES)
    return WithInterval(outcome.cost, float(low), float(high))
