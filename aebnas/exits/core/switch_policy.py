"""Leave where the score lies in certain intervals: what binned and smoothed estimates come down to.

Must not import torch.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray, FloatArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy, Logits, require, rows
from aebnas.exits.core.scores import check_score, scores_at
from aebnas.exits.core.threshold_codec import decode_thresholds, encode_thresholds

_KIND = "switch"


@dataclass(frozen=True)
class SwitchPolicy(CausalPolicy):
    """Per exit, scores at which leaving is switched on, off, on again and so on.

    Attributes:
        score: A key of ``SCORES``.
        switches: Per exit but the last, ascending scores: a sample leaves when an odd number of
            them is at most its score.  ``()`` disables an exit, ``(-inf,)`` lets all leave.
    """

    score: str
    switches: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        """Check score and switches.

        Raises:
            DataError: The score is unknown, or switches are NaN or do not ascend.
        """
        check_score(self.score)
        for row in self.switches:
            if np.isnan(row).any() or any(high <= low for low, high in itertools.pairwise(row)):
                raise DataError(f"Switches must ascend, but got {list(row)}.")

    @property
    def exits(self) -> int:
        """Number of exits."""
        return len(self.switches) + 1

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        return switched_on(self.switches[exit_index], logits.score(self.score, exit_index))

    def leave_unchecked(self, exit_index: int, logits: Logits) -> BoolArray:
        """Return what ``leave`` does, in half the time: it checks nothing.

        Args:
            exit_index: An exit before the last.
            logits: Of that exit alone, ``(N, K)``; finite.
        """
        return switched_on(self.switches[exit_index], scores_at(self.score, logits))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "policy": _KIND,
            "score": self.score,
            "switches": [encode_thresholds(row) for row in self.switches],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        score, switches = require(data, _KIND, "score", "switches")
        return cls(score, tuple(tuple(decode_thresholds(row)) for row in rows(switches, "switches")))


def switched_on(switches: tuple[float, ...], scores: FloatArray | Any) -> BoolArray:
    """Return which scores ``(N,)`` lie where leaving is on."""
    passed = np.searchsorted(np.asarray(switches, np.float64), scores.astype(np.float64), side="right")
    mask: BoolArray = passed % 2 == 1
    return mask


def switches_where(edges: FloatArray, is_on: BoolArray) -> tuple[float, ...]:
    """Return the switches of a step function.

    Args:
        edges: Ascending lower ends of the steps, ``(B,)``; the first step reaches down to -inf.
        is_on: Is leaving on in the step, ``(B,)``.
    """
    if not len(edges):
        return ()
    lower = np.concatenate([[-np.inf], edges[1:]])
    changes = is_on != np.concatenate([[False], is_on[:-1]])
    return tuple(lower[changes].tolist())
