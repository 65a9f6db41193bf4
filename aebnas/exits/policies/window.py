"""Window cascades: for a yes-or-no decision on uncertainty, only the borderline samples go on.

The decision is "accept this answer" (selective classification) or "in distribution": is the score
on the right side of an operating point.  Samples far from it are decided by the first exit
already, on either side; those within a window around it go on to the next.  Good for one
operating point only.
Source: arXiv 2303.08010; there two stages, here a window at every exit, around the quantile at
which the same samples in all would be accepted.

Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import BoolArray, ScoreArray
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.policy import CausalPolicy, ExitPolicy, Logits, is_number, require, rows
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import check_score
from aebnas.exits.core.threshold_codec import decode_thresholds, encode_thresholds
from aebnas.exits.policies.family import PolicyFamily, front_of

_KIND = "window"
_BISECTIONS = 30
Window = tuple[float | None, float | None]


@dataclass(frozen=True)
class WindowPolicy(CausalPolicy):
    """Leave at the first exit whose score lies outside its window.

    Attributes:
        score: A key of ``SCORES``.
        windows: Per exit but the last ``(low, high)``: scores with ``low <= score < high`` go on;
            None = unbounded.
        operating: Per exit the score from which an answer given there is accepted, ``(E,)``;
            ``+inf`` accepts none, ``-inf`` all.
    """

    score: str
    windows: tuple[Window, ...]
    operating: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ShapeError: There is not one operating point per exit.
            DataError: The score is unknown, or a number is NaN.
        """
        check_score(self.score)
        if len(self.operating) != len(self.windows) + 1:
            raise ShapeError(
                f"{len(self.windows) + 1} operating points are needed, but got {len(self.operating)}."
            )
        for window in self.windows:
            if not all(end is None or is_number(end) for end in window):
                raise DataError(f"A window must be two numbers or nulls, but got {list(window)}.")
        if np.isnan(self.operating).any():
            raise DataError("Operating points contain NaN.")

    @property
    def exits(self) -> int:
        """Number of exits."""
        return len(self.operating)

    def _leaves(self, logits: ExitLogits, exit_index: int) -> BoolArray:
        scores = logits.score(self.score, exit_index).astype(np.float64)
        low, high = self.windows[exit_index]
        outside = np.zeros(len(scores), dtype=np.bool_)
        if low is not None:
            outside |= scores < low
        if high is not None:
            outside |= scores >= high
        return outside

    def accepts(self, logits: Logits | ExitLogits) -> BoolArray:
        """Return whether each sample's answer is accepted at the exit where it leaves, ``(N,)``."""
        cached = logits if isinstance(logits, ExitLogits) else ExitLogits(logits)
        chosen = self.decide(cached)
        scores = cached.scores(self.score)[np.arange(len(cached)), chosen].astype(np.float64)
        accepted: BoolArray = scores >= np.array(self.operating)[chosen]
        return accepted

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        windows = [list(window) for window in self.windows]
        operating = encode_thresholds(self.operating)
        return {"policy": _KIND, "score": self.score, "windows": windows, "operating": operating}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        score, windows, operating = require(data, _KIND, "score", "windows", "operating")
        windows = rows(windows, "windows")
        if not all(isinstance(window, list | tuple) and len(window) == 2 for window in windows):
            raise DataError(f"Windows must be pairs of numbers or nulls, but got {windows!r}.")
        pairs = tuple((window[0], window[1]) for window in windows)
        return cls(score, pairs, tuple(decode_thresholds(operating)))


@dataclass(frozen=True)
class WindowCascade(PolicyFamily):
    """Windows of equal share at every exit.

    Attributes:
        score: A key of ``SCORES``.
        coverage: Share of all samples to be accepted: the operating point.
        passed_on: Share of the samples arriving at an exit that go on to the next (the paper's
            +-10% is 0.2); None: the target chooses.
        max_points: Shares on the path.
    """

    score: str = "confidence"
    coverage: float = 0.8
    passed_on: float | None = None
    max_points: int = 41

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is no share, or the score is unknown.
        """
        check_score(self.score)
        for name in ("coverage", "passed_on"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise DataError(f"`0 <= {name} <= 1` must hold, but got {value}.")

    def at(self, samples: ExitSamples, passed_on: float) -> WindowPolicy:
        """Return the windows that pass on a share of those that arrive; no labels are used."""
        scores = samples.logits.scores(self.score)
        arriving, rejected = scores, 1.0 - self.coverage
        windows: list[Window] = []
        operating: list[float] = []
        for i in range(samples.exits):
            ranked = np.sort(arriving[:, i]) if len(arriving) else np.sort(scores[:, i])
            operating.append(_operating_point(ranked, rejected))
            if i == samples.exits - 1:
                break
            width = round(passed_on * len(ranked))
            start = int(np.clip(round(rejected * len(ranked) - width / 2), 0, len(ranked) - width))
            window = _window(ranked, start, width)
            below = start
            windows.append(window)
            arriving = arriving[_is_inside(arriving[:, i], window)] if len(arriving) else arriving
            if width:
                rejected = float(np.clip((rejected * len(ranked) - below) / width, 0.0, 1.0))
        return WindowPolicy(self.score, tuple(windows), tuple(operating))

    def path(self, samples: ExitSamples, good: BoolArray) -> list[ExitPolicy]:
        """Return the cascades of all shares that none dominates, the widest first."""
        if self.passed_on is not None:
            return [self.at(samples, self.passed_on)]
        shares = np.linspace(1.0, 0.0, self.max_points)
        return front_of([self.at(samples, float(share)) for share in shares], samples, good)

    def within(self, samples: ExitSamples, max_cost: float) -> ExitPolicy | None:
        """Return the widest windows within a budget; None where the share is fixed."""
        if self.passed_on is not None:
            return None
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            chosen = self.at(samples, middle).decide(samples.logits)
            if samples.reach_cost[chosen].mean() <= max_cost:
                low = middle
            else:
                high = middle
        full = self.at(samples, 1.0)
        fits = samples.reach_cost[full.decide(samples.logits)].mean() <= max_cost * (1 + 1e-9)
        return full if fits else self.at(samples, low)


def _operating_point(ranked: ScoreArray, rejected: float) -> float:
    """Return the score below which the given share of ascending scores lies."""
    position = round(rejected * len(ranked))
    if position <= 0:
        return -np.inf
    return float(ranked[position]) if position < len(ranked) else np.inf


def _window(ranked: ScoreArray, start: int, width: int) -> Window:
    """Return the ends of a window over ascending scores; equal scores stay together."""
    if width == 0:
        point = float(ranked[min(start, len(ranked) - 1)])
        return point, point  # nothing is at least and below the same number
    low = None if start == 0 else float(ranked[start])
    high = None if start + width >= len(ranked) else float(ranked[start + width])
    return low, high


def _is_inside(scores: ScoreArray, window: Window) -> BoolArray:
    low, high = window
    inside = np.ones(len(scores), dtype=np.bool_)
    if low is not None:
        inside &= scores >= np.float32(low)
    if high is not None:
        inside &= scores < np.float32(high)
    return inside
