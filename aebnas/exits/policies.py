"""Exit policies: when a sample leaves the network.

A policy decides from logits alone.  It must be causal (logits after the chosen exit change
nothing) and decide a batch as it decides sample by sample; ``tests/exits/exit_policy_contract.py`` holds
every policy to that.

To add a policy, write a class and enter it in ``POLICIES``.
Must not import torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from aebnas.errors import DataError, ShapeError
from aebnas.exits.arrays import BoolArray, IntArray, check_reach_cost
from aebnas.exits.outcome import exit_index as first_exit
from aebnas.exits.scores import SCORES, exit_scores, predictions
from aebnas.exits.smoothing import smoothed_correctness
from aebnas.exits.threshold_codec import decode_thresholds, encode_thresholds
from aebnas.exits.threshold_tuner import tuned_front

Logits = npt.NDArray[Any]
Labels = npt.NDArray[Any]


@dataclass(frozen=True)
class FitTarget:
    """What a policy is fitted to reach: the best accuracy within a mean cost per sample.

    Attributes:
        reach_cost: Cost of leaving at each exit, increasing, E numbers in any unit.
        budget: Mean cost per sample, in the same unit.
    """

    reach_cost: tuple[float, ...]
    budget: float

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ShapeError: There is no exit.
            DataError: The cost does not increase, or the budget is NaN.
        """
        check_reach_cost(self.reach_cost)
        if np.isnan(self.budget):
            raise DataError("The budget must be a number, but got NaN.")


class ExitPolicy(Protocol):
    """Decides at which exit a sample leaves; the last exit always answers."""

    def fit(self, logits: Logits, labels: Labels, target: FitTarget) -> Self:
        """Return a copy fitted on samples, logits ``(N, E, K)`` and labels ``(N,)``."""

    def leave(self, exit_index: int, logits_so_far: Logits) -> BoolArray:
        """Return which samples leave at an exit, ``(N,)``.

        ``logits_so_far`` holds the exits computed: shape ``(N, exit_index + 1, K)``.
        """

    def decide(self, logits: Logits) -> IntArray:
        """Return the exit of every sample, ``(N,)``, from the logits of all exits ``(N, E, K)``."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the policy's name under ``policy``."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote."""


@dataclass(frozen=True)
class ThresholdPolicy:
    """Leave at the first exit whose score reaches its threshold.

    Attributes:
        score: A key of ``SCORES``.
        thresholds: E - 1 numbers; ``+inf`` disables an exit, ``-inf`` lets all leave.
    """

    score: str = "confidence"
    thresholds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check score and thresholds.

        Raises:
            DataError: The score is unknown or a threshold is NaN.
        """
        if self.score not in SCORES:
            raise DataError(f"Unknown exit score '{self.score}'. Choices: {', '.join(sorted(SCORES))}.")
        if np.isnan(self.thresholds).any():
            raise DataError("Thresholds contain NaN; use +inf to disable an exit.")

    def fit(self, logits: Logits, labels: Labels, target: FitTarget) -> Self:
        """Return the policy with the most accurate thresholds within the budget.

        Accuracy as ``smoothed_correctness`` estimates it; the cheapest thresholds where nothing
        is within the budget.

        Raises:
            ShapeError: Logits, labels and reach cost do not fit together.
            DataError: A logit is NaN or infinite.
        """
        if labels.shape != logits.shape[:1]:
            raise ShapeError(f"Labels must have shape {logits.shape[:1]}, but got {labels.shape}.")
        scores = exit_scores(self.score, logits)
        correct = predictions(logits) == labels[:, np.newaxis]
        if len(target.reach_cost) != scores.shape[1]:
            raise ShapeError(
                f"The logits have {scores.shape[1]} exits, the reach cost {len(target.reach_cost)}."
            )
        front = tuned_front(scores, smoothed_correctness(scores, correct), target.reach_cost)
        within = max(0, int(np.searchsorted(front.cost, target.budget, side="right")) - 1)
        return replace(self, thresholds=tuple(front.thresholds[within].tolist()))

    def leave(self, exit_index: int, logits_so_far: Logits) -> BoolArray:
        """Return which samples leave at an exit, ``(N,)``.

        Raises:
            ShapeError: The logits are not those of exits 0 to ``exit_index``.
            DataError: The exit does not exist, or a logit is NaN or infinite.
        """
        last = len(self.thresholds)
        if not 0 <= exit_index <= last:
            raise DataError(f"`0 <= exit_index <= {last}` must hold, but got {exit_index}.")
        if logits_so_far.ndim != 3 or logits_so_far.shape[1] != exit_index + 1:
            raise ShapeError(
                f"At exit {exit_index} logits must have shape (samples, {exit_index + 1}, classes), "
                f"but got {logits_so_far.shape}."
            )
        scores = exit_scores(self.score, logits_so_far[:, exit_index:])[:, 0]
        if exit_index == last:
            return np.ones(len(scores), dtype=np.bool_)
        # float64 as in `decide`: numpy would round a bare float threshold to float32
        mask: BoolArray = scores.astype(np.float64) >= self.thresholds[exit_index]
        return mask

    def decide(self, logits: Logits) -> IntArray:
        """Return the exit of every sample, ``(N,)``, from logits ``(N, E, K)``.

        Raises:
            ShapeError: The logits have another number of exits than the policy.
            DataError: A logit is NaN or infinite.
        """
        return first_exit(self.thresholds, exit_scores(self.score, logits))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"policy": "threshold", "score": self.score, "thresholds": encode_thresholds(self.thresholds)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that ``to_dict`` wrote.

        Raises:
            DataError: A field is missing or wrong.
        """
        missing = [name for name in ("score", "thresholds") if name not in data]
        if missing:
            raise DataError(f"Not a threshold policy: {', '.join(missing)} missing.")
        return cls(score=data["score"], thresholds=tuple(decode_thresholds(data["thresholds"])))


POLICIES: dict[str, type[ExitPolicy]] = {"threshold": ThresholdPolicy}


def policy_from_dict(data: Mapping[str, Any]) -> ExitPolicy:
    """Return the policy, of any kind, that its ``to_dict`` wrote.

    Raises:
        DataError: The kind is unknown or a field is wrong.
    """
    name = data.get("policy")
    if not isinstance(name, str) or name not in POLICIES:
        raise DataError(f"Unknown exit policy {name!r}. Choices: {', '.join(sorted(POLICIES))}.")
    return POLICIES[name].from_dict(data)
