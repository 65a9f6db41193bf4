"""The exit policy of a trained network, fitted on calibrate as the search fitted it.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.config.exits_schema import ExitsConfig
from aebnas.exits.configured import configured_family, configured_target
from aebnas.exits.operating_curve import OperatingCurve, operating_curve
from aebnas.exits.policies import policy_from_dict
from aebnas.exits.policy import ExitPolicy
from aebnas.exits.policy_curve import path_curve
from aebnas.exits.samples import ExitSamples
from aebnas.exits.scores import exit_scores


def fit_exits(
    exits: ExitsConfig,
    cost_metric: str,
    trade_off: float | None,
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    reach: Sequence[float],
) -> ExitPolicy:
    """Return the policy that the search's rule picks on these samples.

    Args:
        exits: Policy, and a target or none.
        cost_metric: What ``reach`` is counted in.
        trade_off: Share of the full cost that may be spent; not read with a target.
        logits: Of every exit on calibrate, ``(N, E, K)``.
        labels: ``(N,)``.
        reach: Cost of leaving at each exit.
    """
    samples = ExitSamples.of(logits, labels, reach)
    target = configured_target(exits, cost_metric)
    if target is not None:
        return target.fit(configured_family(exits), samples).policy
    curve = _curve(exits, samples)
    budget = (1.0 if trade_off is None else trade_off) * float(samples.reach_cost[-1])
    return policy_from_dict(curve.policy(curve.index_within(budget), exits.policy))


def _curve(exits: ExitsConfig, samples: ExitSamples) -> OperatingCurve:
    """Return the curve of one split; it is not scored elsewhere, which nobody asks it here."""
    if exits.needs_logits:
        return path_curve(configured_family(exits), samples, samples)
    scores = exit_scores(exits.policy, samples.logits.values)
    return operating_curve(
        scores, samples.correct, scores, samples.correct, samples.reach_cost, exits.tuner, exits.trials
    )
