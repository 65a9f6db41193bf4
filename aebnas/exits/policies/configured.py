"""From the ``exits:`` section to a family of policies and its target.

Must not import torch.
"""

from typing import Any

from pydantic import BaseModel

from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.policies import PolicyConfig
from aebnas.exits.policies.families import family_named
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.targets import TARGETS, Target
from aebnas.exits.thresholds.tuners import TUNERS

_UNITS = {"macs": "MACs", "latency_ms": "ms", "energy_mj": "mJ"}


def configured_family(policy: PolicyConfig) -> PolicyFamily:
    """Return the family that a policy of the section asks for, with its options."""
    options: dict[str, Any] = policy.options
    tuner = options.get("tuner")
    if tuner is not None:
        options["tuner"] = TUNERS[tuner.name](**tuner.model_dump(exclude={"name"}))
    return family_named(policy.name, **options)


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
