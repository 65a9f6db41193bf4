"""How one candidate is trained: the section ``training`` of a search-space file.

Of the random changes of images each stands under its name, at most once, and the order in which they are
made is fixed.  One with options of its own may be written as ``true``, which takes the defaults.

Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from aebnas.config.choices import Frozen, Items, Wrong, reject
from aebnas.config.sections.losses import Loss, loss_named
from aebnas.config.sections.spaces import STAGED, SpaceSection
from aebnas.config.sections.teacher import Teaching

LONGER = 3
"""Epochs of ``aebnas train`` by default, as a multiple of the search's: those are set for short ones."""


Strength = Annotated[float, Field(ge=0, lt=1)]


def _section(given: Any) -> Any:
    """Return a section for ``true``, nothing for ``false``."""
    if given is True:
        return {}
    return None if given is False else given


class RandomResizedCropConfig(Frozen):
    """A part of the image, of random size, shape and place, enlarged to the image's size."""

    scale: Annotated[Items[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2, max_length=2)] = (
        0.35,
        1.0,
    )
    """Smallest and largest share of the image's area that is kept."""
    ratio: Annotated[float, Field(ge=1, le=10)] = 4 / 3
    """Largest change of the ratio of height and width, either way."""

    @model_validator(mode="after")
    def _rises(self) -> RandomResizedCropConfig:
        smallest, largest = self.scale
        if smallest > largest:
            reject([(("scale",), f"must rise, but got {list(self.scale)}")])
        return self


class ColourJitterConfig(Frozen):
    """Random changes of colour; each is a factor up to so far above or below 1."""

    brightness: Strength = 0.2
    """Of all colours."""
    contrast: Strength = 0.2
    """Distance from the image's mean grey."""
    saturation: Strength = 0.2
    """Distance from grey; images of one channel have none."""


class AugmentConfig(Frozen):
    """Random changes of training images, made in batches on the training device."""

    traceless: ClassVar[tuple[str, ...]] = ("random_resized_crop", "colour_jitter", "mixup")
    """As of ``TrainingConfig``."""

    crop: Annotated[int, Field(ge=0, le=64)] = 0
    """Pad by so many pixels and crop at a random place."""
    random_resized_crop: Annotated[RandomResizedCropConfig | None, BeforeValidator(_section)] = None
    """For photos, in place of crop: true, or {scale: [0.35, 1], ratio: 1.33}."""
    flip: bool = False
    """Mirror half of the images left to right (not for digits)."""
    colour_jitter: Annotated[ColourJitterConfig | None, BeforeValidator(_section)] = None
    """Other colours: true, or {brightness: 0.2, contrast: 0.2, saturation: 0.2}."""
    cutout: Annotated[int, Field(ge=0, le=512)] = 0
    """Side of a grey square at a random place; 0: none."""
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0
    """Mix images and their losses by shares of Beta(mixup, mixup), as in 0.2; 0: none."""

    @model_validator(mode="after")
    def _crops_once(self) -> AugmentConfig:
        wrong: list[Wrong] = []
        if self.crop and self.random_resized_crop is not None:
            wrong.append((("crop",), "goes without random_resized_crop, which crops already; remove one"))
        reject(wrong)
        return self


class TrainingConfig(Frozen):
    """How one candidate is trained."""

    traceless: ClassVar[tuple[str, ...]] = (
        "backbone_rate_multiplier",
        "frozen_batch_norm",
        "ema_decay",
        "teacher",
    )
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
    teacher: Teaching = None
    """A network whose answers all exits learn too: my_code:network, or {network: FILE, share: 0.5}."""
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest gradient norm; null: not clipped."""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Deploy a moving average of the weights that keeps this share in a step: 0.99 to 0.999; null: off."""
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
        plain = _with_traces(self) | {"augment": _with_traces(self.augment)}
        return plain if self.teacher is None else plain | {"teacher": self.teacher.deciding()}

    @property
    def boosting_coefficient(self) -> float:
        """Return the share of each exit's logits that networks add to the next exit's; 0: they do not."""
        return self.loss.boosting_coefficient

    @property
    def exit_weights(self) -> tuple[float, ...] | None:
        """Return one loss weight per exit position and for the final classifier; None: all weigh 1."""
        return self.loss.weights


def _with_traces(section: TrainingConfig | AugmentConfig) -> dict[str, Any]:
    """Return a section, fit for JSON, without its traceless options that are at their default."""
    fields = type(section).model_fields
    return {
        name: value
        for name, value in section.model_dump(mode="json").items()
        if name not in section.traceless or getattr(section, name) != fields[name].default
    }


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
