"""When a sample leaves: the exit policy with its options, and its target, as validated models.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Wrong, reject
from aebnas.config.sections.constraints import full_name, wrong_device
from aebnas.config.sections.policies import Policies, PolicyConfig, Share, ThresholdsConfig, policy_named
from aebnas.config.tagged import setting_names
from aebnas.extensions.names import is_outside
from aebnas.task.metrics.table import EXPECTED_METRICS

BUDGETS = ("macs", "latency_ms", "energy_mj")
"""Targets that bound the mean cost of an image."""
TARGET_FIELDS = ("accuracy", *BUDGETS, "guarantee")
DEFAULT_POLICY = "confidence"
PositiveFloat = Annotated[float, Field(gt=0)]


class GuaranteeConfig(Frozen):
    """A promise on harm: early answers that are wrong where the last exit's would be right."""

    max_harm: Share
    """Share of images that early answers may harm."""
    confidence: Share | None = 0.9
    """Probability of keeping the promise (learn-then-test); null: the expected harm keeps to it."""


class ExitsConfig(Frozen):
    """When a sample leaves.

    The policy and its options may be genes, ``policy: {choices: [pcee, confidence]}``: one training
    serves all of them.  ``policy`` then lists every setting.
    """

    policy: Policies = (policy_named(DEFAULT_POLICY),)
    """Method that decides, as in pcee or {name: pcee, bins: 10}; {choices: [pcee, confidence]}: a gene."""
    accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    """Target: the lowest mean cost with this accuracy; a candidate is then one point."""
    macs: PositiveFloat | None = None
    """Target: the best accuracy within this mean number of MACs."""
    latency_ms: PositiveFloat | None = None
    """Target: the best accuracy within this mean latency; needs hardware."""
    energy_mj: PositiveFloat | None = None
    """Target: the best accuracy within this mean energy; needs hardware."""
    guarantee: GuaranteeConfig | None = None
    """Target: the lowest mean cost with a promise on harm, as in {max_harm: 0.01, confidence: 0.9}."""

    @model_validator(mode="after")
    def _consistent(self) -> ExitsConfig:
        given = [name for name in TARGET_FIELDS if getattr(self, name) is not None]
        wrong: list[Wrong] = [
            ((name,), f"is a second target beside exits.{given[0]}; one at a time") for name in given[1:]
        ]
        for policy in self.policy if given else ():
            value = None if policy.single is None else getattr(policy, policy.single)
            if value is not None:
                message = f"{policy.name} with {policy.single}: {value:g} is one policy: no target can choose"
                wrong.append(((given[0],), message))
        reject(wrong)
        return self

    @property
    def settings(self) -> dict[str, ExitsConfig]:
        """Return a section for every setting of the policy, by name; of a single one the name is ``""``."""
        if len(self.policy) == 1:
            return {"": self}
        names = setting_names(self.policy)
        return {
            name: self.model_copy(update={"policy": (policy,)})
            for name, policy in zip(names, self.policy, strict=True)
        }

    @property
    def only(self) -> PolicyConfig:
        """Return the policy of a section with a single setting.

        Raises:
            ValueError: There are several.
        """
        (policy,) = self.policy
        return policy

    @property
    def policy_names(self) -> tuple[str, ...]:
        """Return the names of the policies, each once."""
        return tuple(dict.fromkeys(policy.name for policy in self.policy))

    @property
    def outside_scores(self) -> tuple[str, ...]:
        """Return the exit scores from outside that the policies look at, each once."""
        looked_at = (
            policy.name if isinstance(policy, ThresholdsConfig) else policy.options.get("score")
            for policy in self.policy
        )
        return tuple(
            dict.fromkeys(score for score in looked_at if isinstance(score, str) and is_outside(score))
        )

    @property
    def target(self) -> str | None:
        """Return which target is given."""
        return next((name for name in TARGET_FIELDS if getattr(self, name) is not None), None)

    @property
    def budget_metric(self) -> str | None:
        """Return the quantity that the target bounds, if it bounds a cost."""
        return self.target if self.target in BUDGETS else None

    def wrong_budget(self, profiles: Sequence[str], objectives: Sequence[str]) -> list[Wrong]:
        """Return why the target's cost cannot be counted with these devices; empty where it can."""
        metric = self.budget_metric
        if metric in (None, "macs"):
            return []
        path, message = ("exits", str(metric)), None
        if not profiles:
            message = wrong_device(str(metric), profiles)
        elif len(profiles) > 1 and not any(name.startswith(f"{metric}@") for name in objectives):
            choices = ", ".join(f"{metric}@{name}" for name in profiles)
            message = f"with several profiles an objective must name the device. Choices: {choices}."
        return [] if message is None else [(path, message)]


def traded_cost(exits: ExitsConfig, objectives: Sequence[str], profiles: Sequence[str]) -> str:
    """Return what exits trade for accuracy.

    Args:
        exits: What their target bounds counts, if they have one.
        objectives: Else the first of these that thresholds can change, or macs.
        profiles: Names of the hardware profiles.
    """
    budget = exits.budget_metric
    costs = EXPECTED_METRICS if budget is None else (budget,)
    for name in objectives:
        if name.partition("@")[0] in costs:
            return full_name(name, profiles)
    return full_name(budget or "macs", profiles)
