"""What policies lead to on samples: accuracy, mean cost, exit rates, harm.

Costs carry the unit of the reach cost given (MACs, ms, mJ).  Score on other samples than the
policies were fitted on.

Must not import torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aebnas.errors import ShapeError
from aebnas.exits.core.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    ScoreArray,
    check_samples,
    check_thresholds,
)
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import ThresholdPolicy

_CELLS_AT_ONCE = 1 << 20  # vectors x samples held as one boolean table: stays in the cache, 1 MiB


@dataclass(frozen=True, eq=False)
class PolicyOutcome:
    """What one policy leads to on one set of samples.

    Attributes:
        accuracy: Share of right answers.
        cost: Mean cost of a sample in the unit of the reach cost, heads tried on the way included.
        exit_rates: Share of samples leaving at each exit, ``(E,)``, sums to 1.
        harm: Share of samples whose early answer is wrong and whose last exit's answer is right.
    """

    accuracy: float
    cost: float
    exit_rates: FloatArray
    harm: float


@dataclass(frozen=True, eq=False)
class Outcomes:
    """A list of ``PolicyOutcome``, column by column: of P policies on the same samples.

    Attributes:
        accuracy: Shape ``(P,)``.
        cost: Shape ``(P,)``.
        exit_rates: Shape ``(P, E)``.
        harm: Shape ``(P,)``.
    """

    accuracy: FloatArray
    cost: FloatArray
    exit_rates: FloatArray
    harm: FloatArray

    def __len__(self) -> int:
        """Return the number of policies."""
        return len(self.cost)

    def __getitem__(self, index: int) -> PolicyOutcome:
        """Return what one of the policies leads to."""
        return PolicyOutcome(
            float(self.accuracy[index]),
            float(self.cost[index]),
            self.exit_rates[index],
            float(self.harm[index]),
        )

    def __iter__(self) -> Iterator[PolicyOutcome]:
        """Return what each policy leads to, in order."""
        return (self[i] for i in range(len(self)))

    @classmethod
    def of(cls, outcomes: Sequence[PolicyOutcome]) -> "Outcomes":
        """Return outcomes, at least one, as columns."""
        return cls(
            np.array([outcome.accuracy for outcome in outcomes]),
            np.array([outcome.cost for outcome in outcomes]),
            np.stack([outcome.exit_rates for outcome in outcomes]),
            np.array([outcome.harm for outcome in outcomes]),
        )


def outcome_of(policy: ExitPolicy, samples: ExitSamples) -> PolicyOutcome:
    """Return what a policy leads to on samples.

    Raises:
        ShapeError: The samples have another number of exits than the policy.
    """
    return outcome_at(policy.decide(samples.logits), samples)


def outcome_at(chosen: IntArray, samples: ExitSamples) -> PolicyOutcome:
    """Return what leaving at the given exits ``(N,)`` leads to.

    Raises:
        ShapeError: There is not one exit per sample.
    """
    if chosen.shape != (len(samples),):
        raise ShapeError(f"One exit per sample is needed, shape ({len(samples)},), but got {chosen.shape}.")
    rows = np.arange(len(samples))
    counts = np.bincount(chosen, minlength=samples.exits)
    return PolicyOutcome(
        accuracy=float(samples.correct[rows, chosen].mean()),
        cost=float(counts @ samples.reach_cost / len(samples)),
        exit_rates=counts / len(samples),
        harm=float((~samples.harmless[rows, chosen]).mean()),
    )


def outcomes_of(policies: Sequence[ExitPolicy], samples: ExitSamples) -> Outcomes:
    """Return what each of some policies, at least one, leads to; hundreds of thresholds at once."""
    alike = [policy for policy in policies if isinstance(policy, ThresholdPolicy)]
    scores = {policy.score for policy in alike}
    if len(alike) < len(policies) or len(scores) > 1 or len(alike) < 2:
        return Outcomes.of([outcome_of(policy, samples) for policy in policies])
    vectors = np.array([policy.thresholds for policy in alike], np.float64).reshape(len(alike), -1)
    return apply_thresholds(vectors, samples.logits.scores(scores.pop()), samples.correct, samples.reach_cost)


def apply_thresholds(
    thresholds: npt.ArrayLike, scores: ScoreArray, correct: BoolArray, reach_cost: npt.ArrayLike
) -> Outcomes:
    """Return what each threshold vector leads to on the given samples.

    Args:
        thresholds: Shape ``(P, E - 1)``; ``+inf`` disables an exit, ``-inf`` lets all leave.
        scores: Shape ``(N, E)``, float32.
        correct: Is the answer of exit e right for sample n, shape ``(N, E)``.
        reach_cost: Cost of leaving at each exit, shape ``(E,)``, increasing.

    Raises:
        ShapeError: The arrays do not fit together, or there is no sample.
        DataError: NaN, scores that are not float32, or a cost that is not increasing.
    """
    cost = check_samples(scores, correct, reach_cost)
    vectors = _rounded_up(check_thresholds(thresholds, cost.size))
    right_answers = correct.astype(np.bool_)
    samples = len(scores)
    left = np.zeros((len(vectors), cost.size), dtype=np.int64)
    right, harmed = np.zeros((2, len(vectors)), dtype=np.int64)
    step = max(1, _CELLS_AT_ONCE // samples)
    for start in range(0, len(vectors), step):
        rows = slice(start, start + step)
        left[rows], right[rows], harmed[rows] = _count(vectors[rows], scores, right_answers)
    return Outcomes(right / samples, left @ cost / samples, left / samples, harmed / samples)


def exit_index(thresholds: npt.ArrayLike, scores: ScoreArray) -> IntArray:
    """Return the exit at which each sample leaves.

    Args:
        thresholds: One vector, shape ``(E - 1,)``.
        scores: Shape ``(N, E)``.

    Returns:
        Shape ``(N,)``, int64, between 0 and E - 1.

    Raises:
        ShapeError: The vector does not have E - 1 entries.
        DataError: A threshold is NaN.
    """
    vector = check_thresholds(np.asarray(thresholds)[np.newaxis], scores.shape[1])[0]
    leaves = np.ones(scores.shape, dtype=np.bool_)
    leaves[:, :-1] = scores[:, :-1] >= vector
    first: IntArray = leaves.argmax(axis=1).astype(np.int64)
    return first


def _rounded_up(thresholds: FloatArray) -> ScoreArray:
    """Round up to float32: ``score >= threshold`` is unchanged for float32 scores, and 3 times as fast."""
    with np.errstate(over="ignore"):
        rounded = thresholds.astype(np.float32)
    return np.where(rounded < thresholds, np.nextafter(rounded, np.float32(np.inf)), rounded)


def _count(
    vectors: ScoreArray, scores: ScoreArray, correct: BoolArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Count the samples leaving at each exit ``(P, E)``, the right answers and the harmed ``(P,)``."""
    last = scores.shape[1] - 1
    # counted by one product: sums of ones are exact in float32 up to 16 million samples
    counted = np.stack([np.ones_like(correct), correct, correct[:, last:] & ~correct]).astype(np.float32)
    counts = np.zeros((last + 1, len(vectors), 3), dtype=np.int64)
    stays = np.ones((len(vectors), len(scores)), dtype=np.bool_)
    for i in range(last):
        leaves = scores[:, i] >= vectors[:, i, np.newaxis]
        leaves &= stays
        counts[i] = leaves.astype(np.float32) @ counted[:, :, i].T
        stays ^= leaves
    counts[last] = stays.astype(np.float32) @ counted[:, :, last].T
    return counts[:, :, 0].T.copy(), counts[:, :, 1].sum(axis=0), counts[:, :, 2].sum(axis=0)
