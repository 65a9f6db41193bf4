"""From what the exits said to the operating curve, in the cost that the search trades.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aebnas.config.exits_schema import ExitsConfig
from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import ExitRecord
from aebnas.exits.configured import configured_family, configured_target
from aebnas.exits.operating_curve import OperatingCurve, joined, operating_curve
from aebnas.exits.policy_curve import path_curve, policy_curve
from aebnas.exits.samples import ExitSamples
from aebnas.hardware.device_costs import reach_in


def scored_curve(
    config: SearchFile,
    records: tuple[ExitRecord, ExitRecord],
    labels: tuple[NDArray[Any], NDArray[Any]],
    reach_macs: Sequence[float],
    reach_costs: Mapping[str, Sequence[float]],
) -> OperatingCurve:
    """Return the curve of one trained network, from scores alone: for tuned thresholds.

    Args:
        config: Policy, tuner and objectives: ``config.cost_metric`` is the curve's cost.
        records: What every exit said on calibrate and on select.
        labels: Of calibrate and of select.
        reach_macs: MACs to leave at each exit.
        reach_costs: The same on devices, by metric.
    """
    reach = np.asarray(reach_in(config.cost_metric, reach_macs, reach_costs))
    settings = config.exits.settings
    curves = {name: _scored(exits, records, labels, reach) for name, exits in settings.items()}
    return _one(curves, settings)


def _scored(
    exits: ExitsConfig,
    records: tuple[ExitRecord, ExitRecord],
    labels: tuple[NDArray[Any], NDArray[Any]],
    reach: NDArray[np.float64],
) -> OperatingCurve:
    (calibrate, select), (calibrate_labels, select_labels) = records, labels
    return operating_curve(
        calibrate.scores[exits.policy],
        calibrate.predictions == calibrate_labels[:, None],
        select.scores[exits.policy],
        select.predictions == select_labels[:, None],
        reach,
        exits.tuner,
        exits.trials,
    )


class Fitted(NamedTuple):
    """A curve, and with a target whether it is met."""

    curve: OperatingCurve
    verdict: dict[str, Any] | None = None
    """``Verdict.to_dict``.

    Of several settings that of the nearest, and all of them by name under ``settings``.
    """


def fitted_curve(
    config: SearchFile,
    logits: tuple[NDArray[Any], NDArray[Any]],
    labels: tuple[NDArray[Any], NDArray[Any]],
    reach_macs: Sequence[float],
    reach_costs: Mapping[str, Sequence[float]],
) -> Fitted:
    """Return the curve of one trained network, from the logits of its exits: for any policy and target.

    With a target the curve is the one point that was fitted to it on calibrate.

    Args:
        config: Policy, target and objectives: ``config.cost_metric`` is the curve's cost.
        logits: Of every exit on calibrate and on select, ``(N, E, K)``.
        labels: Of calibrate and of select.
        reach_macs: MACs to leave at each exit.
        reach_costs: The same on devices, by metric.
    """
    reach = reach_in(config.cost_metric, reach_macs, reach_costs)
    calibrate, select = (
        ExitSamples.of(values, known, reach) for values, known in zip(logits, labels, strict=True)
    )
    settings = config.exits.settings
    found = {name: _fitted(exits, config.cost_metric, calibrate, select) for name, exits in settings.items()}
    curve = _one({name: one.curve for name, one in found.items()}, settings)
    verdicts = {name: one.verdict for name, one in found.items() if one.verdict is not None}
    if len(verdicts) < 2:
        return Fitted(curve, next(iter(verdicts.values()), None))
    nearest = min(verdicts.values(), key=lambda verdict: float(verdict["violation"]))
    return Fitted(curve, {**nearest, "settings": verdicts})


def _fitted(exits: ExitsConfig, cost_metric: str, calibrate: ExitSamples, select: ExitSamples) -> Fitted:
    family, target = configured_family(exits), configured_target(exits, cost_metric)
    if target is None:
        return Fitted(path_curve(family, calibrate, select))
    found = target.fit(family, calibrate)
    return Fitted(policy_curve([found.policy], calibrate, select), found.verdict.to_dict())


def _one(curves: Mapping[str, OperatingCurve], settings: Mapping[str, ExitsConfig]) -> OperatingCurve:
    """Return the curves of all settings as one; without genes the only one."""
    if list(curves) == [""]:
        return curves[""]
    return joined(curves, {name: exits.policy for name, exits in settings.items()})
