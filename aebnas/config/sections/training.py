"""How one candidate is trained: the section ``training`` of a search-space file.

Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, reject
from aebnas.config.sections.losses import Loss, loss_named

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

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 8
    """Passes over the train split, in all phases together."""
    batch_size: Annotated[int, Field(ge=2, le=65536)] = 64
    """Images per step."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.1
    """Peak of the one-cycle schedule."""
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

    @model_validator(mode="after")
    def _has_epochs_for_every_phase(self) -> TrainingConfig:
        if self.epochs < self.loss.phases:
            text = f"must be >= {self.loss.phases}, one for each phase of loss: {self.loss.name}"
            reject([(("epochs",), f"{text}, but got {self.epochs}")])
        return self

    @property
    def boosting_coefficient(self) -> float:
        """Return the share of each exit's logits that networks add to the next exit's; 0: they do not."""
        return self.loss.boosting_coefficient

    @property
    def exit_weights(self) -> tuple[float, ...] | None:
        """Return one loss weight per exit position and for the final classifier; None: all weigh 1."""
        return self.loss.weights
