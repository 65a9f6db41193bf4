"""A fitted policy from outside whose code was not loaded: it can be shown, and decides nothing.

Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from aebnas.errors import CodeRefusedError, DataError
from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy
from aebnas.extensions.consent import require_consent


@dataclass(frozen=True)
class UnreadPolicy(CausalPolicy):
    """What a policy wrote about itself.

    Attributes:
        data: As its ``to_dict`` returned it.
    """

    data: Mapping[str, Any]

    @property
    def exits(self) -> int:
        """Number of exits."""
        return int(self.data["exits"])

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        require_consent(str(self.data["policy"]))
        raise CodeRefusedError(f"{self.data['policy']} was read before its code was allowed: read it again")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dict(self.data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what stands for the policy that wrote ``data``.

        Raises:
            DataError: It does not say for how many exits it decides.
        """
        exits = data.get("exits")
        if not isinstance(exits, int) or isinstance(exits, bool) or exits < 1:
            raise DataError(f"A policy from outside must say for how many `exits` it decides, not {exits!r}.")
        return cls(dict(data))
