"""The table of policies: the kinds of fitted policies, by the name in their JSON.

To add a kind, write a class that obeys ``ExitPolicy`` and enter it here.

Must not import torch.
"""

from collections.abc import Mapping
from typing import Any

from aebnas.errors import DataError
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.switch_policy import SwitchPolicy
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.policies.eenet_policy import LearnedScorePolicy
from aebnas.exits.policies.jei import GatePolicy
from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.exits.policies.window import WindowPolicy

POLICIES: dict[str, type[ExitPolicy]] = {
    "threshold": ThresholdPolicy,
    "switch": SwitchPolicy,
    "patience": PatiencePolicy,
    "gates": GatePolicy,
    "learned_scores": LearnedScorePolicy,
    "window": WindowPolicy,
}


def policy_from_dict(data: Mapping[str, Any]) -> ExitPolicy:
    """Return the policy, of any kind, that its ``to_dict`` wrote.

    Raises:
        DataError: The kind is unknown or a field is wrong.
    """
    name = data.get("policy")
    if not isinstance(name, str) or name not in POLICIES:
        raise DataError(f"Unknown exit policy {name!r}. Choices: {', '.join(sorted(POLICIES))}.")
    return POLICIES[name].from_dict(data)
