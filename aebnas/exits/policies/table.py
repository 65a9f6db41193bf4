"""The table of policies: the kinds of fitted policies, by the name in their JSON.

To add a kind, write a class that obeys ``ExitPolicy`` and enter it here; what comes from outside says where
it is defined, ``my_policies:SteadyPolicy``.

Must not import torch.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.errors import CodeError, DataError
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.switch_policy import SwitchPolicy
from aebnas.exits.core.threshold_policy import ThresholdPolicy
from aebnas.exits.policies.eenet_policy import LearnedScorePolicy
from aebnas.exits.policies.jei import GatePolicy
from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.exits.policies.unread import UnreadPolicy
from aebnas.exits.policies.window import WindowPolicy
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed, is_users
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside, parsed_name

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

    One from outside whose code is not allowed can be shown, and decides nothing.

    Raises:
        DataError: The kind is unknown or a field is wrong.
        CodeError: It is of code that is missing or wrong.
    """
    name = data.get("policy")
    if isinstance(name, str) and is_outside(name):
        parsed_name(name)
        kind: type[ExitPolicy] = loaded(name, kinds.FITTED) if is_allowed() else UnreadPolicy
        return kind.from_dict(data)
    if not isinstance(name, str) or name not in POLICIES:
        raise DataError(f"Unknown exit policy {name!r}. Choices: {', '.join(sorted(POLICIES))}.")
    return POLICIES[name].from_dict(data)


def check_readable(policies: Sequence[ExitPolicy]) -> None:
    """Refuse policies from outside that could not be read again: what is stored of them is their JSON.

    Raises:
        CodeError: A policy does not say in its JSON where it is defined, or for how many exits it decides.
    """
    for kind, policy in {type(policy): policy for policy in policies}.items():
        if not is_users(inspect.getsourcefile(kind) or ""):
            continue
        name, plain = f"{kind.__module__}:{kind.__qualname__}", policy.to_dict()
        if (plain.get("policy"), plain.get("exits")) != (name, policy.exits):
            raise CodeError(
                f"{name}.to_dict must hold the fields policy: {name} and exits: {policy.exits}, but they are "
                f"{plain.get('policy')!r} and {plain.get('exits')!r}. "
                "aebnas.exits.core.plain_policy.PlainPolicy writes both"
            )
        policy_from_dict(plain)
