"""What one evaluation on the test images says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aebnas.train.full.checkpoint import Checkpoint
from aebnas.train.select.baselines import Missing
from aebnas.train.test.scores import NetworkScore, WithInterval
from aebnas.train.test.stopping import Stopped


@dataclass(frozen=True, eq=False)
class BaselineComparison:
    """A static network on the same test images."""

    name: str
    key: str
    note: str
    score: NetworkScore
    gain: WithInterval
    """Accuracy of the early-exit network minus its own, with its paired interval."""
    stopped: Stopped | None


@dataclass(frozen=True, eq=False)
class TestReport:
    """All that one evaluation says."""

    folder: Path
    checkpoint: Checkpoint
    network: NetworkScore
    stopped: Stopped | None
    """The network really stopping; None where no image was asked for."""
    baselines: tuple[BaselineComparison, ...]
    missing: tuple[Missing, ...]
    warnings: tuple[str, ...] = ()
    """What makes the score too good, as far as the images tell."""
