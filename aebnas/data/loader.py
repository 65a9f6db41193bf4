"""Batches for training and evaluation: from memory, prepared on the device.

No worker processes and no per-image Python: on one thread, batches of 64 with crop
and flip, about 340,000 CIFAR images/s: 1% of a training step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from aebnas.config.sections.training import AugmentConfig
from aebnas.data.augment import AugmentedImages
from aebnas.data.dataset import Samples
from aebnas.data.mixup import Mixing, Targets, draw_mixings
from aebnas.data.prepare import InputPreparation
from aebnas.errors import ConfigError, DataError
from aebnas.task.input_spec import InputSpec


class TrainBatches:
    """Random, augmented batches; every iteration is one epoch in a new order.

    Batches are full: images beyond the last full batch wait for another epoch.
    With fewer images than ``batch_size`` the epoch is one batch of all of them.
    Epochs follow from ``seed`` alone: the k-th iteration is the same every time,
    even if an earlier one was left half-way.

    Args:
        images: The train split; arrays may be read-only.
        spec: What the network takes in.
        device: Where images are stored and batches are made.
        batch_size: Images per batch.
        augment: Random changes, made before resizing.
        seed: Of order and augmentation.
        memory_format: Of the batches.
    """

    def __init__(
        self,
        images: Samples,
        spec: InputSpec,
        *,
        device: torch.device | str,
        batch_size: int,
        augment: AugmentConfig,
        seed: int,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        """Copy the images to the device.

        Raises:
            DataError: Fewer than 2 images: batch normalisation needs 2.
            ConfigError: The cutout square is larger than the images.
        """
        check_trainable(images, augment)
        target = torch.device(device)
        self._count, self._mixup = len(images), augment.mixup
        self._batch_size = min(batch_size, len(images))
        self._generator = torch.Generator().manual_seed(seed)
        self._images = AugmentedImages(images, augment, device=target, grey=mean_colour(spec))
        self._labels = torch.tensor(images.labels).to(target)
        self._prepare = InputPreparation(images.shape, spec, device=target, memory_format=memory_format)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._count // self._batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Targets]]:
        """Yield ``(x, y)`` of one epoch: x ``(batch, *spec.shape)`` normalised, y ``(batch,)`` int64.

        With mixup, x is mixed, and y the labels of both images.
        """
        order = torch.randperm(self._count, generator=self._generator)[: len(self) * self._batch_size]
        labels = self._labels.index_select(0, order.to(self._labels.device)).view(-1, self._batch_size)
        mixings = self._mixings()
        batches = self._images.epoch(order, self._batch_size, self._generator)
        for images, y, mixing in zip(batches, labels, mixings, strict=True):
            x = self._prepare(images)
            yield (x, y) if mixing is None else (mixing.images(x), mixing.targets(y))

    def _mixings(self) -> Sequence[Mixing | None]:
        if not self._mixup:
            return [None] * len(self)
        return draw_mixings(self._mixup, len(self), self._batch_size, self._generator, self._labels.device)

    def random_states(self) -> list[Tensor]:
        """Return the state of the random numbers behind the epochs begun so far."""
        return [self._generator.get_state()]

    def set_random_states(self, states: Sequence[Tensor]) -> None:
        """Go on as the batches did that returned ``states``."""
        (state,) = states
        self._generator.set_state(state)


def check_trainable(images: Samples, augment: AugmentConfig) -> None:
    """Refuse images that no training can use.

    Raises:
        DataError: Fewer than 2 images: batch normalisation needs 2; or no images at all.
        ConfigError: The cutout square is larger than the images.
    """
    if len(images) < 2:
        raise DataError(f"training needs at least 2 images, but the train split has {len(images)}")
    height, width = images.pixels.shape[1:3]
    if augment.cutout > min(height, width):
        raise ConfigError(
            f"training.augment.cutout {augment.cutout} is larger than the images "
            f"({height} x {width}); the largest valid value is {min(height, width)}"
        )


def mean_colour(spec: InputSpec) -> list[int]:
    """Return the pixel that a network sees as 0, one value in 0..255 per stored channel."""
    return [round(255 * mean) for mean in spec.stored_normalisation.mean]


def eval_batches(
    images: Samples,
    spec: InputSpec,
    *,
    device: torch.device | str,
    batch_size: int,
    memory_format: torch.memory_format = torch.channels_last,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield ``(x, y)`` of all images once, unchanged and in order; the last batch may be smaller.

    Args:
        images: The split; arrays may be read-only and are copied batch by batch.
        spec: What the network takes in.
        device: Where batches are made.
        batch_size: Images per batch.
        memory_format: Of the batches.
    """
    target = torch.device(device)
    prepare = InputPreparation(images.shape, spec, device=target, memory_format=memory_format)
    stored = images.pixels
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        # the copy frees torch from read-only arrays: one batch at a time stays in the processor's cache
        pixels = torch.from_numpy(stored[part].copy()).to(target)
        yield prepare(pixels), torch.from_numpy(images.labels[part].copy()).to(target)
