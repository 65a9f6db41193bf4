"""What stands for a metric whose code was not loaded: its values are stored, its words are not known.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.extensions.consent import require_consent
from aebnas.task.metrics.inputs import Point
from aebnas.task.metrics.metric import Metric


@dataclass(frozen=True, kw_only=True)
class UnreadMetric(Metric):
    """A metric of a run that is read without consent to run its code; ``word`` is its name."""

    def at(self, point: Point, name: str) -> float:
        """Return the stored value."""
        return point.measured[name]

    def minimised(self, value: float) -> float:
        """Refuse: in which direction it is better, its code alone says.

        Raises:
            CodeRefusedError: Always.
        """
        require_consent(self.word)
        raise AssertionError("without consent nothing comes behind")

    @property
    def is_learned(self) -> bool:
        """Return that nothing is known of it before training."""
        return True
