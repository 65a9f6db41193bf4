"""Exit policies at run time: they see the logits of one exit after the other, already known to be sound.

Must not import torch.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from aebnas.exits.core.arrays import BoolArray
from aebnas.exits.core.policy import ExitPolicy, Logits
from aebnas.exits.core.switch_policy import SwitchPolicy
from aebnas.exits.core.threshold_policy import ThresholdPolicy

Decide = Callable[[int, Sequence[Logits]], BoolArray]
"""Which samples leave at an exit before the last, ``(N,)``: its index, the logits of all exits so far."""
DecideOne = Callable[[int, Logits], bool]
"""Whether one sample leaves at an exit before the last: its index, the logits of that exit, ``(1, K)``."""
FEW_CLASSES = 32
"""Above, numpy is faster than a loop."""
_INFINITE = {math.inf, -math.inf}
NEAR = 1e-6
"""Scores are float32 of at most 1: they are told apart from 6e-8 on."""


def online(policy: ExitPolicy) -> Decide:
    """Return a policy as it decides at run time: the same decisions, for finite logits.

    A segment of a small network takes 50 us and ``leave`` 9 us, half of it checks: thresholds are
    compared without them, by the same functions.
    """
    if isinstance(policy, ThresholdPolicy | SwitchPolicy):
        compare = policy.leave_unchecked
        return lambda exit_index, so_far: compare(exit_index, so_far[-1])
    return lambda exit_index, so_far: policy.leave(exit_index, np.stack(so_far, axis=1))


def online_single(policy: ExitPolicy) -> DecideOne | None:
    """Return a policy as it decides for one sample: the same decisions, for finite logits.

    numpy takes 1 us a call, whatever it does: ten classes are scored in plain floats.  Their last digits
    may be others, so what lies within ``NEAR`` of a limit is decided by ``online`` itself.

    Returns:
        None where the policy looks at more than one score of the exit at hand.
    """
    if isinstance(policy, ThresholdPolicy):
        limits: tuple[tuple[float, ...], ...] = tuple((limit,) for limit in policy.thresholds)
    elif isinstance(policy, SwitchPolicy):
        limits = policy.switches
    else:
        return None
    score, steps = SINGLE_SCORES.get(policy.score), tuple(map(_step, limits))
    # no score is infinite: such limits need none
    always = tuple(row[:1] == (-math.inf,) if set(row) <= _INFINITE else None for row in limits)
    decide = policy.leave_unchecked

    def leaves(exit_index: int, logits: Logits) -> bool:
        fixed_decision = always[exit_index]
        if fixed_decision is not None:
            return fixed_decision
        clear = steps[exit_index]
        if score is not None and logits.shape[1] <= FEW_CLASSES:
            leaves_clearly = clear(score(logits[0].tolist()))
            if leaves_clearly is not None:
                return leaves_clearly
        return bool(decide(exit_index, logits)[0])

    return leaves


def _step(limits: Sequence[float]) -> Callable[[float], bool | None]:
    """Return whether an odd number of limits is at most a score; None if one is too near to tell."""
    if len(limits) == 1:
        (limit,) = limits
        low, high = limit - NEAR, limit + NEAR

        def one(score: float) -> bool | None:
            return True if score > high else False if score < low else None

        return one

    def several(score: float) -> bool | None:
        below = bisect_right(limits, score - NEAR)
        return below % 2 == 1 if below == bisect_right(limits, score + NEAR) and score == score else None

    return several


def _confidence(row: list[float]) -> float:
    top = max(row)
    return 1.0 / sum([math.exp(value - top) for value in row])


def _margin(row: list[float]) -> float:
    row.sort()
    top = row[-1]
    return (1.0 - math.exp(row[-2] - top)) / sum([math.exp(value - top) for value in row])


def _entropy(row: list[float]) -> float:
    top = max(row)
    shifted = [value - top for value in row]
    powers = [math.exp(value) for value in shifted]
    total = sum(powers)
    # H = log total - mean of the shifted logits under the probabilities
    mean = sum([power * value for power, value in zip(powers, shifted, strict=True)]) / total
    return 1.0 - (math.log(total) - mean) / math.log(len(row))


SINGLE_SCORES: dict[str, Callable[[list[float]], float]] = {
    "confidence": _confidence,
    "entropy": _entropy,
    "margin": _margin,
}
"""The scores of ``aebnas.exits.core.scores`` for one sample, from its logits, which they may reorder; a score
that is missing here is computed there."""
