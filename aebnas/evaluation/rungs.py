"""Successive halving: every candidate of a batch gets a few epochs, the better ones more.

A ``Ladder`` says after how many epochs a batch stops to compare, and how many go on; a ``Leg`` is
what one candidate is trained between two rungs.

Each leg has a whole one-cycle schedule of its own and begins with the weights of the leg before
(a warm restart, SGDR).  One cycle over the whole training, cut where a candidate stops, would
compare networks at their highest learning rate, where accuracy says least; and what stops early
has to be a finished network, as it competes on the front.

Source: Karnin et al. (ICML 2013); Jamieson & Talwalkar (AISTATS 2016, arXiv 1502.07943), whose
batch is fixed; Hyperband (JMLR 2018, arXiv 1603.06560), of which this is one bracket per generation;
SGDR (ICLR 2017, arXiv 1608.03983).  Must not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from aebnas.config.schema import SearchFile


@dataclass(frozen=True)
class Leg:
    """What a candidate is trained between two rungs."""

    before: int
    """Epochs that it has behind it."""
    epochs: int
    """Epochs that it has in the end, those before included."""
    weights: bytes | None = None
    """As they were after ``before`` epochs, as ``weight_bytes`` writes them; None: random ones."""


LegOf = Callable[[str], Leg | None]
"""From a candidate's key to its leg; None: the whole training."""


def in_full(key: str) -> None:
    """Return None: every candidate is trained at once and in full."""


@dataclass(frozen=True)
class Ladder:
    """The rungs of one batch."""

    rungs: tuple[int, ...]
    """Epochs of a candidate at each rung, those before included; rising."""
    eta: int
    """One in so many goes on."""

    def going_on(self, done: int) -> int:
        """Return how many of ``done`` finished candidates go on: one in ``eta``, rounded up."""
        return math.ceil(done / self.eta)

    def epochs(self, candidates: int) -> int:
        """Return the epochs of a batch in which nothing fails."""
        total, count = candidates * self.rungs[0], candidates
        for before, after in pairwise(self.rungs):
            count = self.going_on(count)
            total += count * (after - before)
        return total

    def affordable(self, candidates: int, epochs: int) -> int:
        """Return how large a batch, of at most ``candidates``, fits into so many epochs."""
        if self.epochs(candidates) <= epochs:
            return candidates
        low, high = 0, candidates  # low fits, high does not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.epochs(middle) <= epochs else (low, middle)
        return low


def make_ladder(min_epochs: int, epochs: int, eta: int) -> Ladder:
    """Return rungs from ``min_epochs`` to ``epochs``, both exactly, about ``eta`` times apart.

    The ratio between rungs is even and as near to ``eta`` as whole rungs allow: fixed steps of
    ``eta`` would leave a last leg of a single epoch where 9 of 10 are trained.

    Args:
        min_epochs: Of the first rung, >= 1.
        epochs: Of the last rung, > ``min_epochs``.
        eta: One in so many goes on, >= 2.
    """
    ratio = epochs / min_epochs
    steps = max(1, round(math.log(ratio) / math.log(eta)))
    rungs = {round(min_epochs * ratio ** (step / steps)) for step in range(steps + 1)}
    return Ladder(tuple(sorted(rungs)), eta)


def ladder_of(config: SearchFile) -> Ladder | None:
    """Return the ladder of a configuration; None where every candidate is trained alike."""
    options = config.evaluation
    if options.mode != "successive_halving":
        return None
    return make_ladder(options.min_epochs, config.training.epochs, options.eta)
