"""Decisions at run time: the logits of one exit after the other, already known to be sound.

Must not import torch.
"""

from collections.abc import Callable, Sequence

import numpy as np

from aebnas.exits.arrays import BoolArray
from aebnas.exits.policy import ExitPolicy, Logits
from aebnas.exits.threshold_policy import ThresholdPolicy

Decide = Callable[[int, Sequence[Logits]], BoolArray]
"""Which samples leave at an exit before the last, ``(N,)``: its index, the logits of all exits so far."""


def online(policy: ExitPolicy) -> Decide:
    """Return a policy as it decides at run time: the same decisions, for finite logits.

    A segment of a small network takes 50 us and ``leave`` 9 us, half of it checks: thresholds are
    compared without them, by the same functions.
    """
    if isinstance(policy, ThresholdPolicy):
        compare = policy.leave_unchecked
        return lambda exit_index, so_far: compare(exit_index, so_far[-1])
    return lambda exit_index, so_far: policy.leave(exit_index, np.stack(so_far, axis=1))


def needs_earlier_exits(policy: ExitPolicy) -> bool:
    """Return whether ``online`` looks at more than the logits of the exit at hand."""
    return not isinstance(policy, ThresholdPolicy)
