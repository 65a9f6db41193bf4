"""How one candidate is trained: the section ``training`` of a search-space file.

Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Items, Wrong, reject

LossName = Literal[
    "gradient_equilibrium", "uniform", "weighted", "self_distillation", "boosted", "frozen", "jei"
]
TWO_PHASES = ("frozen", "jei")
"""Losses that train in two phases, one epoch each at least."""
OPTIONS_OF_LOSSES: dict[str, tuple[str, ...]] = {
    "distillation": ("self_distillation",),
    "temperature": ("self_distillation",),
    "first_phase": TWO_PHASES,
    "exit_price": ("jei",),
}
"""Options that only some losses read; exit_weights is checked with the space, whose exits it counts."""
BOOSTED_CARRY = 0.5
"""Share of an exit's logits that a boosted network adds to the next exit's."""


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
    """Passes over the train split, in both phases together."""
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
    loss: LossName = "gradient_equilibrium"
    """How the exits are trained together; docs/method.md compares the choices."""
    exit_weights: Items[Annotated[float, Field(ge=0)]] | Literal["uniform"] = "uniform"
    """Weights for loss: weighted, one per exit position of the space plus one for the final classifier."""
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the last exit's soft answers in the early exits' loss, for loss: self_distillation."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 3.0
    """Temperature of those soft answers, for loss: self_distillation."""
    first_phase: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the epochs before the backbone is frozen, for loss: frozen or jei."""
    exit_price: Annotated[float, Field(ge=0)] = 0.1
    """What the full cost is worth in nats of cross-entropy, for loss: jei."""
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest gradient norm; null: not clipped."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the device and the block types gain from it, else fp32."""
    augment: AugmentConfig = AugmentConfig()
    """Random changes of training images."""

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        reject(self._foreign_options() + self._too_few_epochs())
        return self

    @property
    def carry(self) -> float:
        """Return the share of each exit's logits that networks add to the next exit's; 0: they do not."""
        return BOOSTED_CARRY if self.loss == "boosted" else 0.0

    def _foreign_options(self) -> list[Wrong]:
        fields = type(self).model_fields
        return [
            ((name,), f"goes with loss: {' or '.join(losses)}, but loss is {self.loss}")
            for name, losses in OPTIONS_OF_LOSSES.items()
            if self.loss not in losses and getattr(self, name) != fields[name].default
        ]

    def _too_few_epochs(self) -> list[Wrong]:
        if self.loss not in TWO_PHASES or self.epochs >= 2:
            return []
        return [
            (("epochs",), f"must be >= 2, one for each phase of loss: {self.loss}, but got {self.epochs}")
        ]
