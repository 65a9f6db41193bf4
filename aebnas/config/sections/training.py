"""How one candidate is trained: the section ``training`` of a search-space file.

Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Wrong, reject
from aebnas.config.sections.losses import Loss, loss_named
from aebnas.config.sections.spaces import STAGED, SpaceSection

LONGER = 3
"""Epochs of ``aebnas train`` by default, as a multiple of the search's: those are set for short ones."""


class AugmentConfig(Frozen):
    """Random changes of training images, made in batches on the training device."""

    crop: Annotated[int, Field(ge=0, le=64)] = 0
    """Pad by so many pixels and crop at a random place."""
    flip: bool = False
    """Mirror half of the images left to right (not for digits)."""
    cutout: Annotated[int, Field(ge=0, le=512)] = 0
    """Side of a grey square at a random place; 0: none."""


class TrainingConfig(Frozen):
    """How one candidate is trained."""

    traceless: ClassVar[tuple[str, ...]] = ("backbone_rate_multiplier", "frozen_batch_norm")
    """Options that leave no trace at their default in what results are filed under: see ``deciding``."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 8
    """Passes over the train split, in all phases together."""
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 64
    """Images per step."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Peak of the one-cycle schedule."""
    backbone_rate_multiplier: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Times learning_rate: the rate of the backbone; 0.1 to 0.2 where it is pretrained and exits are new."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Nesterov momentum of SGD."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 5e-4
    """L2 penalty; not on batch-norm parameters and biases."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """Share of all steps in which the learning rate rises."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Label smoothing of the cross-entropy."""
    loss: Loss = loss_named("gradient_equilibrium")
    """How the exits are trained together, as in uniform or {name: jei, exit_price: 0.2}; docs/method.md."""
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest gradient norm; null: not clipped."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the device and the block types gain from it, else fp32."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of training images."""
    initial_weights: Literal["random", "efficientnet_lite0"] = "random"
    """What networks begin with; efficientnet_lite0: ImageNet's, for search_spaces/efficientnet_lite0.yaml."""

    frozen_batch_norm: bool = False
    """Batch norms of pretrained layers keep their statistics: for images such as they were trained on."""

    @model_validator(mode="after")
    def _has_epochs_for_every_phase(self) -> TrainingConfig:
        if self.epochs < self.loss.phases:
            text = f"must be >= {self.loss.phases}, one for each phase of loss: {self.loss.name}"
            reject([(("epochs",), f"{text}, but got {self.epochs}")])
        return self

    def deciding(self) -> dict[str, Any]:
        """Return what decides a training, fit for JSON: a new option that is off renames no result."""
        plain = self.model_dump(mode="json")
        fields = type(self).model_fields
        return {
            name: value
            for name, value in plain.items()
            if name not in self.traceless or value != fields[name].default
        }

    @property
    def boosting_coefficient(self) -> float:
        """Return the share of each exit's logits that networks add to the next exit's; 0: they do not."""
        return self.loss.boosting_coefficient

    @property
    def exit_weights(self) -> tuple[float, ...] | None:
        """Return one loss weight per exit position and for the final classifier; None: all weigh 1."""
        return self.loss.weights


NO_STATISTICS = (
    "goes with pretrained weights, whose statistics are worth keeping, but this training begins with drawn "
    "ones; leave it out"
)
"""What is wrong with ``frozen_batch_norm`` without them."""


def wrong_beginning(training: TrainingConfig, space: SpaceSection) -> list[Wrong]:
    """Return what does not fit the weights that networks of a space begin with; paths from the file on."""
    wrong: list[Wrong] = []
    if space.brings_weights and training.initial_weights != "random":
        message = f"space.network brings weights of its own: leave out {training.initial_weights}"
        wrong.append((("training", "initial_weights"), message))
    are_drawn = space.kind == STAGED and training.initial_weights == "random"
    if training.frozen_batch_norm and are_drawn:
        wrong.append((("training", "frozen_batch_norm"), NO_STATISTICS))
    return wrong
