"""Random changes of training images: the section ``training.augment``.

Each change stands under its name, at most once; the order in which they are made is fixed.  One with
options of its own may be written as ``true``, which takes the defaults.  Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from aebnas.config.choices import Frozen, Items, Wrong, reject

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
