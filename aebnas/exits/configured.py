"""From the ``exits:`` section to a family of policies and its target.

Must not import torch.
"""

from collections.abc import Callable

from pydantic import BaseModel

from aebnas.config.exits_schema import ExitsConfig
from aebnas.exits.eenet import LearnedScores
from aebnas.exits.eero import Eero
from aebnas.exits.family import PolicyFamily
from aebnas.exits.jei import JeiGates
from aebnas.exits.patience import Patience
from aebnas.exits.pcee import Pcee
from aebnas.exits.targets import TARGETS, Target
from aebnas.exits.threshold_family import TunedThresholds
from aebnas.exits.tuners import ExactTuner, OptunaTuner, Tuner
from aebnas.exits.window import WindowCascade

_UNITS = {"macs": "MACs", "latency_ms": "ms", "energy_mj": "mJ"}


def configured_family(exits: ExitsConfig) -> PolicyFamily:
    """Return the family that a section asks for, with its options."""
    make: dict[str, Callable[[], PolicyFamily]] = {
        "confidence": lambda: TunedThresholds("confidence", _tuner(exits)),
        "entropy": lambda: TunedThresholds("entropy", _tuner(exits)),
        "margin": lambda: TunedThresholds("margin", _tuner(exits)),
        "patience": lambda: Patience(exits.patience),
        "pcee": lambda: Pcee(exits.score, exits.bins, confidence=exits.lower_bound),
        "pcee_ws": lambda: Pcee(exits.score, is_smoothed=True, confidence=exits.lower_bound),
        "eero": lambda: Eero(exits.score),
        "jei": lambda: JeiGates(most_weight=exits.most_weight),
        "eenet": LearnedScores,
        "window": lambda: WindowCascade(exits.score, exits.coverage, exits.passed_on),
    }
    return make[exits.policy]()


def _tuner(exits: ExitsConfig) -> Tuner:
    return OptunaTuner(exits.trials) if exits.tuner == "optuna" else ExactTuner()


def configured_target(exits: ExitsConfig, cost_metric: str) -> Target | None:
    """Return the target of a section; None where the whole curve is wanted.

    Args:
        exits: The section.
        cost_metric: What the cost is counted in, for messages: ``macs``, ``latency_ms@PROFILE``.
    """
    name, unit = exits.target, _UNITS[cost_metric.partition("@")[0]]
    if name is None:
        return None
    given = getattr(exits, name)
    if isinstance(given, BaseModel):
        return TARGETS[name](**dict(given), unit=unit)
    return TARGETS[name](float(given), unit=unit)
