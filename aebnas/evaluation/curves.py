"""From what the exits said to the operating curve, in the cost that the search trades.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aebnas.config.sections.exits import ExitsConfig
from aebnas.evaluation.settings import ExitSettings
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import OperatingCurve, joined_curves, operating_curve
from aebnas.exits.policies.configured import configured_family, configured_target
from aebnas.exits.policies.table import check_readable
from aebnas.task.metrics.metric import OfAnswers
from aebnas.task.metrics.table import metrics_of_answers


class Fitted(NamedTuple):
    """A curve, and with a target whether it is met."""

    curve: OperatingCurve
    target_check: dict[str, Any] | None = None
    """``TargetCheck.to_dict``.

    Of several settings that of the nearest, and all of them by name under ``settings``.
    """


def fitted_curve(exits: ExitSettings, calibrate: ExitSamples, select: ExitSamples) -> Fitted:
    """Return the curve of one trained network, for any policy and target.

    With a target the curve is the one point that was fitted to it on calibrate.

    Args:
        exits: Policies and target; its ``cost_metric`` is what the samples' cost counts.
        calibrate: What the exits said on calibrate: logits, or for policies that need no more
            (``PolicyFamily.needs_logits``) scores and answers alone.
        select: The same on select.
    """
    metrics, metric = metrics_of_answers(exits.measured), exits.cost_metric
    fits = {
        name: _fitted(settings, metric, calibrate, select, metrics)
        for name, settings in exits.exits.settings.items()
    }
    if len(fits) == 1:
        return next(iter(fits.values()))
    curve = joined_curves({name: fitted.curve for name, fitted in fits.items()})
    target_checks = {
        name: fitted.target_check for name, fitted in fits.items() if fitted.target_check is not None
    }
    if not target_checks:
        return Fitted(curve)
    nearest = min(target_checks.values(), key=lambda target_check: float(target_check["violation"]))
    return Fitted(curve, {**nearest, "settings": target_checks})


def _fitted(
    exits: ExitsConfig,
    cost_metric: str,
    calibrate: ExitSamples,
    select: ExitSamples,
    metrics: Mapping[str, OfAnswers],
) -> Fitted:
    family, target = configured_family(exits.only), configured_target(exits, cost_metric)
    if target is None:
        path = family.path(calibrate, calibrate.correct)
        check_readable(path)
        return Fitted(operating_curve(path, calibrate, select, metrics))
    fit = target.fit(family, calibrate)
    check_readable([fit.policy])
    return Fitted(operating_curve([fit.policy], calibrate, select, metrics), fit.target_check.to_dict())
