"""The table of families: the methods a user can ask for, by name.

Each is made of the options that its section holds (``config/sections/policies.py``), by name.  To add a
method, write a ``PolicyFamily`` and name it as in ``my_policies:Steady``, or enter it here.

Must not import torch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from aebnas.errors import DataError
from aebnas.exits.policies.eenet import LearnedScores
from aebnas.exits.policies.eero import Eero
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.policies.jei import JeiGates
from aebnas.exits.policies.patience import Patience
from aebnas.exits.policies.pcee import Pcee
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.policies.window import WindowCascade
from aebnas.extensions import kinds
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside

FAMILIES: dict[str, Callable[..., PolicyFamily]] = {
    "confidence": partial(TunedThresholds, "confidence"),
    "entropy": partial(TunedThresholds, "entropy"),
    "margin": partial(TunedThresholds, "margin"),
    "patience": Patience,
    "pcee": Pcee,
    "pcee_ws": partial(Pcee, is_smoothed=True),
    "eero": Eero,
    "jei": JeiGates,
    "eenet": LearnedScores,
    "window": WindowCascade,
}


def family_named(name: str, **options: Any) -> PolicyFamily:
    """Return a family by name, with default options but for those given.

    A score from outside means thresholds on it.

    Raises:
        DataError: The name is unknown.
        CodeError: It is of code that is missing, wrong or not allowed.
    """
    if is_outside(name):
        method = loaded(name, kinds.POLICY)
        made = TunedThresholds(name, **options) if kinds.SCORE.is_kept(method) else method(**options)
        family: PolicyFamily = made
        return family
    if name not in FAMILIES:
        raise DataError(f"Unknown exit policy {name!r}. Choices: {', '.join(sorted(FAMILIES))}.")
    return FAMILIES[name](**options)
