"""What a policy is fitted to reach: a budget, an accuracy, a promise on harm.

Each target is one class that knows what it asks for, which policy of a path it picks and how far
one misses it.  ``TARGETS`` holds them by the name of their field in ``exits:``.
"""

from collections.abc import Callable

from aebnas.exits.targets.accuracy import Accuracy
from aebnas.exits.targets.budget import Budget
from aebnas.exits.targets.guarantee import Guarantee
from aebnas.exits.targets.target import FittedPolicy, Target, TargetCheck

__all__ = ["TARGETS", "Accuracy", "Budget", "FittedPolicy", "Guarantee", "Target", "TargetCheck"]

TARGETS: dict[str, Callable[..., Target]] = {
    "accuracy": Accuracy,
    "macs": Budget,
    "latency_ms": Budget,
    "energy_mj": Budget,
    "guarantee": Guarantee,
}
"""Each is made of what its field holds, a number or a section's values by name, and ``unit=``."""
