"""Patience: leave once the last k exits agree.

Promises nothing and has only E settings.  Source: PABEE, arXiv 2006.04152.
Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from aebnas.errors import DataError
from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy, ExitPolicy, require
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.policies.family import PolicyFamily, front_of

_KIND = "patience"


@dataclass(frozen=True)
class PatiencePolicy(CausalPolicy):
    """Leave at the first exit that answers the same as the ``patience - 1`` exits before it.

    Attributes:
        patience: Equal answers in a row, at least 1; 1 leaves at the first exit.
        exit_count: Number of exits.
    """

    patience: int
    exit_count: int

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is below 1 or no integer.
        """
        for name in ("patience", "exit_count"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise DataError(f"`{name}` must be an integer of at least 1, but got {value!r}.")

    @property
    def exits(self) -> int:
        """Number of exits."""
        return self.exit_count

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        first = exit_index + 1 - self.patience
        if first < 0:
            return np.zeros(len(logits), dtype=np.bool_)
        answers = logits.predictions[:, first : exit_index + 1]
        agreed: BoolArray = (answers == answers[:, :1]).all(axis=1)
        return agreed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"policy": _KIND, "patience": self.patience, "exits": self.exit_count}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        patience, exits = require(data, _KIND, "patience", "exits")
        return cls(patience, exits)


@dataclass(frozen=True)
class Patience(PolicyFamily):
    """Patience from 1 to E, or one fixed value.

    Attributes:
        patience: Fixed number of equal answers; None: the target chooses.
    """

    patience: int | None = None

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the policies of every patience that no other dominates, the most patient first.

        With a fixed patience, that policy alone.
        """
        if self.patience is not None:
            return [PatiencePolicy(self.patience, samples.exits)]
        policies = [PatiencePolicy(k, samples.exits) for k in range(1, samples.exits + 1)]
        return front_of(policies, samples, good)
