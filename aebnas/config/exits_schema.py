"""When a sample leaves: the exit policy, its options and its target, as validated models.

Must not import torch.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PrivateAttr, ValidationError, model_serializer, model_validator

from aebnas.config.choices import SEVERAL_FIELDS, Frozen, Wrong, did_you_mean, reject
from aebnas.config.constraints import wrong_device

PolicyName = Literal[
    "confidence", "entropy", "margin", "patience", "pcee", "pcee_ws", "eero", "jei", "eenet", "window"
]
TUNED = ("confidence", "entropy", "margin")
"""Policies that are thresholds on a score, which the tuner finds from scores alone."""
BUDGETS = ("macs", "latency_ms", "energy_mj")
"""Targets that bound the mean cost of an image."""
TARGETS = ("accuracy", *BUDGETS, "guarantee")
OPTIONS: dict[str, tuple[str, ...]] = {
    "score": ("pcee", "pcee_ws", "eero", "window"),
    "patience": ("patience",),
    "bins": ("pcee",),
    "lower_bound": ("pcee", "pcee_ws"),
    "most_weight": ("jei",),
    "coverage": ("window",),
    "passed_on": ("window",),
    "tuner": TUNED,
    "trials": TUNED,
}
"""Which policies an option belongs to."""
GENES = ("policy", "score", "patience", "bins", "lower_bound", "most_weight", "coverage", "passed_on")
"""Fields that may be genes: ``{choices: [...]}``."""
MAX_SETTINGS = 64
_FIXING = ("patience", "passed_on")
"""Options that leave a single policy, so that a target has nothing to choose."""
Share = Annotated[float, Field(gt=0, lt=1)]
Size = Annotated[float, Field(gt=0)]


class GuaranteeConfig(Frozen):
    """A promise on harm: early answers that are wrong where the last exit's would be right."""

    max_harm: Share
    """Share of images that early answers may harm."""
    confidence: Share | None = 0.9
    """Probability of keeping the promise (learn-then-test); null: the expected harm keeps to it."""


class ExitsConfig(Frozen):
    """When a sample leaves.

    The policy and its options may be genes, ``policy: {choices: [pcee, confidence]}``: one training
    serves all of them.  The fields then hold the first choice, ``settings`` all combinations.
    """

    policy: PolicyName = "confidence"
    """Method that decides; {choices: [pcee, confidence]} makes it, or any of its options, a gene."""
    accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    """Target: the lowest mean cost with this accuracy; a candidate is then one point."""
    macs: Size | None = None
    """Target: the best accuracy within this mean number of MACs."""
    latency_ms: Size | None = None
    """Target: the best accuracy within this mean latency; needs hardware."""
    energy_mj: Size | None = None
    """Target: the best accuracy within this mean energy; needs hardware."""
    guarantee: GuaranteeConfig | None = None
    """Target: the lowest mean cost with a promise on harm, as in {max_harm: 0.01, confidence: 0.9}."""
    score: Literal["confidence", "entropy", "margin"] = "confidence"
    """Score that pcee, pcee_ws, eero and window look at."""
    patience: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Equal answers in a row for policy: patience; null: every number is a point of the curve."""
    bins: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Bins of the score per exit, of equal mass, for policy: pcee."""
    lower_bound: Share | None = None
    """Confidence of the lower bound that pcee and pcee_ws use in place of the plain rate; null: the rate."""
    most_weight: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Cap on the weight of the rarer images in policy: jei; 1 weighs all alike."""
    coverage: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Share of images whose answers are to be accepted, for policy: window."""
    passed_on: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of arriving images that go on, for policy: window; null: every share is a point of the curve."""
    tuner: Literal["exact", "optuna"] = "exact"
    """Of tuned thresholds. exact: the whole accuracy-cost front at once; optuna: for comparison."""
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Trials of tuner: optuna."""

    _genes: dict[str, tuple[Any, ...]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _with_genes(cls, data: Any, handler: Callable[[Any], ExitsConfig]) -> ExitsConfig:
        if not isinstance(data, dict):
            return handler(data)
        genes = {name: _choices(name, data[name]) for name in GENES if isinstance(data.get(name), dict)}
        if not genes:
            found = handler(data)
            reject(found._wrong_options((found.policy,)) + found._wrong_targets())
            return found
        plain = {**data, **{name: values[0] for name, values in genes.items()}}
        found = handler({name: value for name, value in plain.items() if _is_of(name, (plain["policy"],))})
        policies = genes.get("policy", (found.policy,))
        foreign = [name for name in plain if not _is_of(name, policies) and _is_given(name, plain[name])]
        reject([((name,), _goes_with(name, " or ".join(map(str, policies)))) for name in foreign])
        found._genes = genes
        settings = _combinations(plain, genes)
        if len(settings) > MAX_SETTINGS:
            reject([(("policy",), f"{len(settings)} combinations of choices are more than {MAX_SETTINGS}")])
        for setting in settings:
            _check_setting(setting, genes)
        return found

    @model_serializer(mode="wrap")
    def _genes_as_written(self, handler: Callable[[ExitsConfig], dict[str, Any]]) -> dict[str, Any]:
        return {**handler(self), **{name: {"choices": list(v)} for name, v in self._genes.items()}}

    @property
    def settings(self) -> dict[str, ExitsConfig]:
        """Return every combination of the choices, by name; without genes the one setting, named ``""``."""
        if not self._genes:
            return {"": self}
        found = _combinations(self.model_dump(exclude_defaults=True) | self._first(), self._genes)
        return {_name(one, self._genes): ExitsConfig.model_validate(one) for one in found}

    def _first(self) -> dict[str, Any]:
        return {name: values[0] for name, values in self._genes.items()}

    @property
    def target(self) -> str | None:
        """Return which target is given."""
        return next((name for name in TARGETS if getattr(self, name) is not None), None)

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

    def _wrong_options(self, policies: Sequence[str]) -> list[Wrong]:
        given = [name for name in OPTIONS if _is_given(name, getattr(self, name))]
        return [((name,), _goes_with(name, self.policy)) for name in given if not _is_of(name, policies)]

    def _wrong_targets(self) -> list[Wrong]:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if not given:
            return []
        first = given[0]
        wrong: list[Wrong] = [
            ((name,), f"is a second target beside exits.{first}; one at a time") for name in given[1:]
        ]
        for option in _FIXING:
            if getattr(self, option) is not None and self.policy in OPTIONS[option]:
                value = getattr(self, option)
                message = (
                    f"policy: {self.policy} with {option}: {value:g} is one policy: no target can choose"
                )
                wrong.append(((first,), message))
        return wrong


def _choices(name: str, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the choices of a gene.

    Raises:
        PydanticCustomError: It is not ``{choices: [...]}`` with distinct values.
    """
    values = given.get("choices")
    if set(given) != {"choices"} or not isinstance(values, list | tuple) or not values:
        reject([((name,), "must be a value, or {choices: [...]} with at least one value")])
    seen = [repr(value) for value in values or ()]
    twice = [i for i, one in enumerate(seen) if one in seen[:i]]
    reject([((name, "choices", i), f"the choice {seen[i]} is listed twice") for i in twice])
    return tuple(values or ())


def _is_of(name: str, policies: Sequence[Any]) -> bool:
    """Does an option belong to one of some policies?  Other fields always do."""
    return name not in OPTIONS or any(policy in OPTIONS[name] for policy in policies)


def _is_given(name: str, value: Any) -> bool:
    """Does a value differ from the field's default?"""
    return bool(value != ExitsConfig.model_fields[name].default)


def _goes_with(name: str, policy: str) -> str:
    owners = OPTIONS[name]
    goes_with = " or ".join(filter(None, (", ".join(owners[:-1]), owners[-1])))
    return f"goes with policy: {goes_with}, but policy is {policy}; remove it"


def _combinations(plain: Mapping[str, Any], genes: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return every combination of choices, each policy with its own options alone."""
    found: list[dict[str, Any]] = []
    for policy in genes.get("policy", (plain.get("policy", "confidence"),)):
        own = [name for name in genes if name != "policy" and _is_of(name, (policy,))]
        fixed = {name: value for name, value in plain.items() if _is_of(name, (policy,)) and name not in own}
        found += [
            {**fixed, "policy": policy, **dict(zip(own, values, strict=True))}
            for values in itertools.product(*(genes[name] for name in own))
        ]
    return found


def _check_setting(setting: Mapping[str, Any], genes: Mapping[str, tuple[Any, ...]]) -> None:
    """Validate one combination; what is wrong is said of the choice.

    Raises:
        PydanticCustomError: It is wrong.
    """
    try:
        ExitsConfig.model_validate_json(json.dumps(setting))
    except ValidationError as error:
        wrong: list[Wrong] = []
        for detail in error.errors():
            several = detail["ctx"]["wrong"] if detail["type"] == SEVERAL_FIELDS else []
            wrong += [((path[0],), message) for path, message in several]
            if not several:
                wrong.append(_wrong_choice(detail["loc"], detail["msg"], setting, genes))
        reject(wrong)


def _wrong_choice(
    path: tuple[str | int, ...],
    message: str,
    setting: Mapping[str, Any],
    genes: Mapping[str, tuple[Any, ...]],
) -> Wrong:
    name, sentence = str(path[0]), message.replace("Input should be", "must be")
    if name not in genes:
        return path, sentence
    value, place = setting[name], (name, "choices", genes[name].index(setting[name]))
    if name == "policy" and isinstance(value, str):
        words = get_args(PolicyName)
        return place, f"unknown value {value!r}. {did_you_mean(value, words)}Choices: {', '.join(words)}."
    return place, f"{sentence}, but got {value!r}"


def _name(setting: Mapping[str, Any], genes: Mapping[str, tuple[Any, ...]]) -> str:
    """Return a setting's name: the policy and the options that are genes, ``pcee bins=10``."""
    options = [f" {name}={setting[name]}" for name in genes if name != "policy" and name in setting]
    return f"{setting['policy']}{''.join(options)}"
