"""The exit policy of a trained network, fitted on calibrate as the search fitted it.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aebnas.config.sections.exits import ExitsConfig
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.configured import configured_family, configured_target


def fit_exits(
    exits: ExitsConfig,
    cost_metric: str,
    budget_fraction: float | None,
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    reach: Sequence[float],
) -> ExitPolicy:
    """Return the policy that the search's rule picks on these samples.

    Args:
        exits: Policy, and a target or none.
        cost_metric: What ``reach`` is counted in.
        budget_fraction: Share of the full cost that may be spent; not read with a target.
        logits: Of every exit on calibrate, ``(N, E, K)``.
        labels: ``(N,)``.
        reach: Cost of leaving at each exit.
    """
    samples = ExitSamples.of(logits, labels, reach)
    family, target = configured_family(exits.only), configured_target(exits, cost_metric)
    if target is not None:
        return target.fit(family, samples).policy
    # of one split: it is not scored elsewhere, which nobody asks here
    curve = operating_curve(family.path(samples, samples.correct), samples, samples)
    budget = (1.0 if budget_fraction is None else budget_fraction) * float(samples.reach_cost[-1])
    return curve.policies[curve.index_within(budget)]
