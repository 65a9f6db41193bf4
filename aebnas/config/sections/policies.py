"""Exit policies with their options, as validated models: each policy holds its own.

A policy may be written by its name alone, ``policy: pcee`` for ``policy: {name: pcee}``, and any
option may be a gene, ``bins: {choices: [10, 20]}``.  Must not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, Union

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from aebnas.config.choices import Frozen
from aebnas.config.outside import or_code, renamed_section, section_of
from aebnas.config.tagged import as_written, kind_names, one_model, several_models
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed
from aebnas.extensions.loading import loaded

Score = Annotated[Literal["confidence", "entropy", "margin"], or_code(kinds.SCORE)]
Share = Annotated[float, Field(gt=0, lt=1)]


class TunerConfig(Frozen):
    """A way of finding thresholds, and options that are its own."""

    name: str
    """Way of finding thresholds."""


class ExactTunerConfig(TunerConfig):
    """The whole accuracy-cost front at once."""

    name: Literal["exact"] = "exact"
    """Way of finding thresholds."""


class OptunaTunerConfig(TunerConfig):
    """NSGA-II of Optuna, for comparison."""

    name: Literal["optuna"] = "optuna"
    """Way of finding thresholds."""
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Threshold vectors that are tried."""


TUNER_CONFIGS: tuple[type[TunerConfig], ...] = (ExactTunerConfig, OptunaTunerConfig)


def _tuner(given: Any) -> Any:
    return one_model(given, TUNER_CONFIGS)


if TYPE_CHECKING:
    AnyTuner: TypeAlias = TunerConfig
else:
    _Tuners = Union[TUNER_CONFIGS]  # noqa: UP007 - a tuple at run time
    AnyTuner = Annotated[_Tuners, BeforeValidator(_tuner)]


class PolicyConfig(Frozen):
    """What all policies share: a name, and options that are its own."""

    single: ClassVar[str | None] = None
    """The option that leaves one policy where it is given, so that a target has nothing to choose."""

    name: str
    """The policy's name."""

    @property
    def options(self) -> dict[str, Any]:
        """Return the options by name; of code that was not loaded, those that were given."""
        own = {name: getattr(self, name) for name in type(self).model_fields if name != "name"}
        return own | (self.model_extra or {})


class ThresholdsConfig(PolicyConfig):
    """Thresholds on a score, one per exit, tuned together."""

    name: Literal["confidence", "entropy", "margin"]
    """The score: largest probability, entropy, distance of the two largest."""
    tuner: AnyTuner = ExactTunerConfig()
    """exact: the whole accuracy-cost front; optuna, as in {name: optuna, trials: 1000}: for comparison."""


class PatienceConfig(PolicyConfig):
    """Leave once several exits in a row agree."""

    single: ClassVar[str | None] = "patience"

    name: Literal["patience"]
    """The policy's name."""
    patience: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Equal answers in a row; null: every number is a point of the curve."""


class PceeConfig(PolicyConfig):
    """Leave where images of such a score were right often enough, by bins of the score."""

    name: Literal["pcee"]
    """The policy's name."""
    score: Score = "confidence"
    """Score that it looks at."""
    bins: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Bins of the score per exit, of equal mass."""
    lower_bound: Share | None = None
    """Confidence of the lower bound that is used in place of the plain rate; null: the rate."""


class SmoothedPceeConfig(PolicyConfig):
    """As pcee, smoothed over neighbours in score."""

    name: Literal["pcee_ws"]
    """The policy's name."""
    score: Score = "confidence"
    """Score that it looks at."""
    lower_bound: Share | None = None
    """Confidence of the lower bound that is used in place of the plain rate; null: the rate."""


class EeroConfig(PolicyConfig):
    """Spread the images over the exits so that the mean cost meets a budget."""

    name: Literal["eero"]
    """The policy's name."""
    score: Score = "confidence"
    """Score that it looks at."""


class JeiConfig(PolicyConfig):
    """A small learned gate at every exit."""

    name: Literal["jei"]
    """The policy's name."""
    most_weight: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Cap on the weight of the rarer images; 1 weighs all alike."""


class EenetConfig(PolicyConfig):
    """Learned scores, and shares of a budget for the exits."""

    name: Literal["eenet"]
    """The policy's name."""


class WindowConfig(PolicyConfig):
    """Pass on the borderline images of one decision alone."""

    single: ClassVar[str | None] = "passed_on"

    name: Literal["window"]
    """The policy's name."""
    score: Score = "confidence"
    """Score that it looks at."""
    coverage: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Share of images whose answers are to be accepted."""
    passed_on: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of arriving images that go on; null: every share is a point of the curve."""


POLICY_CONFIGS: tuple[type[PolicyConfig], ...] = (
    ThresholdsConfig, PatienceConfig, PceeConfig, SmoothedPceeConfig, EeroConfig, JeiConfig, EenetConfig,
    WindowConfig,
)  # fmt: skip
POLICY_NAMES = tuple(name for policy in POLICY_CONFIGS for name in kind_names(policy))
if TYPE_CHECKING:
    AnyPolicy = PolicyConfig
else:
    AnyPolicy = Union[POLICY_CONFIGS]  # noqa: UP007 - a tuple at run time: what the schema's readers find: the starter file, near misses


def outside_policy(name: str) -> type[PolicyConfig]:
    """Return the section of a policy from outside; of a score: that of thresholds on it.

    Raises:
        CodeError: The code behind the name is missing or wrong.
    """
    if is_allowed() and kinds.SCORE.is_kept(loaded(name, kinds.POLICY)):
        return renamed_section(name, ThresholdsConfig, outside_policy)
    return section_of(name, PolicyConfig, kinds.FAMILY, outside_policy, attributes=("single",))


def _policies(given: Any) -> Any:
    return several_models(given, POLICY_CONFIGS, outside_policy)


Policies = Annotated[
    tuple[AnyPolicy, ...], PlainValidator(_policies), PlainSerializer(as_written, when_used="always")
]
"""One policy, or every setting that the search may choose; always a tuple once validated."""


def policy_named(name: str, **options: Any) -> PolicyConfig:
    """Return a policy with its defaults, but for some options.

    Raises:
        ValidationError: There is no such policy or option, or a value is wrong.
    """
    config: PolicyConfig = one_model({"name": name, **options}, POLICY_CONFIGS, outside_policy)
    return config
