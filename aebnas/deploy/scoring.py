"""What an exported network reaches on images: logits, decisions, the policy refitted to other logits.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aebnas.config.sections.exits import ExitsConfig
from aebnas.data.dataset import Samples
from aebnas.deploy.preprocessing import Inputs, Preprocessing
from aebnas.deploy.segments import SegmentChain
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.configured import configured_family, configured_target
from aebnas.exits.targets import Budget

BATCH = 250
"""Images of one call when nothing stops."""


@dataclass(frozen=True)
class Score:
    """What a network with its policy reaches on one split."""

    images: int
    accuracy: float
    """Of the policy, share of right answers."""
    last_accuracy: float
    """Of the last exit, if it answered everything."""
    exit_rates: tuple[float, ...]
    """Share of images that leave at each exit."""
    macs: float
    """Mean per image."""


def prepared(images: Samples, prepare: Preprocessing) -> Iterator[Inputs]:
    """Yield the inputs of a split, batch by batch."""
    for start in range(0, len(images), BATCH):
        yield prepare(images.pixels[start : start + BATCH])


def exit_samples(
    chain: SegmentChain, images: Samples, prepare: Preprocessing, reach: NDArray[np.float64]
) -> ExitSamples:
    """Return the logits of every exit on a split, with labels and the cost to reach each."""
    return ExitSamples.of(chain.all_logits(prepared(images, prepare)), images.labels, reach)


def score(policy: ExitPolicy, samples: ExitSamples) -> Score:
    """Return what a policy reaches on samples."""
    outcome = outcome_of(policy, samples)
    return Score(
        len(samples),
        outcome.accuracy,
        float(samples.correct[:, -1].mean()),
        tuple(outcome.exit_rates.tolist()),
        outcome.cost,
    )


def refitted(exits: ExitsConfig, samples: ExitSamples, macs: float) -> ExitPolicy:
    """Return the exit policy fitted again, to logits that differ a little from those it was fitted to.

    Args:
        exits: How it was fitted: policy, options, target.
        samples: Calibrate samples of the changed network; costs in MACs.
        macs: Mean MACs that the old policy spent on calibrate: the budget, where the target is one
            (in whatever unit) or a budget fraction.
    """
    target = configured_target(exits, "macs")
    target = Budget(macs, unit="MACs") if target is None else target.at_cost(macs, "MACs")
    return target.fit(configured_family(exits.only), samples).policy
