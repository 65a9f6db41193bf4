"""Ways of training the exits together, with their options, as validated models: each holds its own.

A loss may be written by its name alone, ``loss: jei`` for ``loss: {name: jei}``.  What other rooms must
know of a loss stands here too, so that none of them knows one by name.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union

from pydantic import Field, PlainSerializer, PlainValidator

from aebnas.config.choices import Frozen, Items
from aebnas.config.outside import section_of
from aebnas.config.tagged import kind_names, one_model
from aebnas.extensions import kinds


class LossConfig(Frozen):
    """What all losses share: a name, and options that are their own."""

    phases: ClassVar[int] = 1
    """Phases of a training; each needs an epoch."""
    is_joint: ClassVar[bool] = False
    """Whether it is a loss of all exits at once, without weights: such ones can be tried in turn."""
    suits_supernets: ClassVar[bool] = False
    """Whether shared weights can be trained with it."""
    boosting_coefficient: ClassVar[float] = 0.0
    """Share of each exit's logits that networks add to the next exit's; 0: they do not."""

    name: str
    """The loss's name."""

    @property
    def weights(self) -> tuple[float, ...] | None:
        """Return one weight per exit position and for the final classifier; None: all weigh 1."""
        return None

    @property
    def options(self) -> dict[str, Any]:
        """Return the options by name; of code that was not loaded, those that were given."""
        own = {name: getattr(self, name) for name in type(self).model_fields if name != "name"}
        return own | (self.model_extra or {})


class EquilibriumConfig(LossConfig):
    """The sum of the exits' cross-entropies, their gradients in equilibrium."""

    is_joint: ClassVar[bool] = True
    suits_supernets: ClassVar[bool] = True

    name: Literal["gradient_equilibrium"]
    """The loss's name."""


class UniformConfig(LossConfig):
    """The plain sum of the exits' cross-entropies."""

    is_joint: ClassVar[bool] = True
    suits_supernets: ClassVar[bool] = True

    name: Literal["uniform"]
    """The loss's name."""


class WeightedConfig(LossConfig):
    """The sum of the exits' cross-entropies, weighted."""

    name: Literal["weighted"]
    """The loss's name."""
    exit_weights: Items[Annotated[float, Field(ge=0)]] | None = None
    """One weight per exit position of the space plus one for the final classifier; null: all 1."""

    @property
    def weights(self) -> tuple[float, ...] | None:
        """Return ``exit_weights``."""
        return self.exit_weights


class SelfDistillationConfig(LossConfig):
    """Early exits learn the labels and what the last exit says."""

    is_joint: ClassVar[bool] = True

    name: Literal["self_distillation"]
    """The loss's name."""
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the last exit's soft answers in the early exits' loss."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 3.0
    """Temperature of those soft answers."""


class BoostedConfig(LossConfig):
    """Each exit corrects the one before."""

    suits_supernets: ClassVar[bool] = True
    boosting_coefficient: ClassVar[float] = 0.5

    name: Literal["boosted"]
    """The loss's name."""


class FrozenBackboneConfig(LossConfig):
    """The backbone is trained for the last exit alone, then the early heads are put on it."""

    phases: ClassVar[int] = 2

    name: Literal["frozen"]
    """The loss's name."""
    first_phase: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the epochs before the backbone is frozen."""


class JeiLossConfig(LossConfig):
    """All exits first; then heads and gates jointly, on a frozen backbone."""

    phases: ClassVar[int] = 2

    name: Literal["jei"]
    """The loss's name."""
    first_phase: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the epochs before the backbone is frozen."""
    exit_price: Annotated[float, Field(ge=0)] = 0.1
    """What the full cost is worth, in nats of cross-entropy."""


class MixedConfig(LossConfig):
    """The backbone is trained for the last exit alone, then all exits jointly."""

    phases: ClassVar[int] = 2

    name: Literal["mixed"]
    """The loss's name."""
    first_phase: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the epochs before the early exits are trained."""


LOSS_CONFIGS: tuple[type[LossConfig], ...] = (
    EquilibriumConfig, UniformConfig, WeightedConfig, SelfDistillationConfig, BoostedConfig,
    FrozenBackboneConfig, JeiLossConfig, MixedConfig,
)  # fmt: skip
LOSS_NAMES = tuple(name for loss in LOSS_CONFIGS for name in kind_names(loss))
if TYPE_CHECKING:
    AnyLoss = LossConfig
else:
    AnyLoss = Union[LOSS_CONFIGS]  # noqa: UP007 - a tuple at run time: what the schema's readers find


def outside_loss(name: str) -> type[LossConfig]:
    """Return the section of a loss from outside.

    Raises:
        CodeError: The code behind the name is missing or wrong.
    """
    return section_of(
        name, LossConfig, kinds.LOSS, outside_loss, attributes=("phases", "boosting_coefficient")
    )


def _loss(given: Any) -> Any:
    return one_model(given, LOSS_CONFIGS, outside_loss)


def _written(loss: LossConfig) -> dict[str, Any]:
    return loss.model_dump(mode="json")


Loss = Annotated[AnyLoss, PlainValidator(_loss), PlainSerializer(_written)]
"""One loss, by its name or with its options."""


def loss_named(name: str, **options: Any) -> LossConfig:
    """Return a loss with its defaults, but for some options.

    Raises:
        ValidationError: There is no such loss or option, or a value is wrong.
    """
    loss: LossConfig = one_model({"name": name, **options}, LOSS_CONFIGS, outside_loss)
    return loss


def names_where(property_name: str) -> tuple[str, ...]:
    """Return the names of the losses of which a fact is true, as ``suits_supernets``."""
    return tuple(name for loss in LOSS_CONFIGS if getattr(loss, property_name) for name in kind_names(loss))


def wrong_exit_weights(weights: Sequence[float], exits: int) -> str | None:
    """Return why loss weights do not fit a space of so many exits, the last one included; None: they do."""
    if len(weights) != exits:
        return f"needs {exits} values (one per exit and the final classifier), but got {len(weights)}"
    return None if any(weights) else "at least one weight must be > 0"
