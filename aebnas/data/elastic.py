"""Random, augmented batches for networks that take in the same images in several ways.

Every epoch's order and changes follow from the seed and the epoch's number alone,
so that a training can be continued in the middle of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from aebnas.config.sections.training import AugmentConfig
from aebnas.data.augment import AugmentedImages
from aebnas.data.dataset import Samples
from aebnas.data.loader import check_trainable, mean_colour
from aebnas.data.mixup import Mixing, Targets, draw_mixings
from aebnas.data.prepare import InputPreparation
from aebnas.task.input_spec import InputSpec

EPOCH_STRIDE = 1_000_003
"""Between the seeds of two epochs."""


class ElasticBatch:
    """The same augmented images for any of the networks."""

    def __init__(
        self,
        pixels: Tensor,
        labels: Tensor,
        preparations: dict[InputSpec, InputPreparation],
        mixing: Mixing | None = None,
    ) -> None:
        """Hold the uint8 pixels ``(batch, h, w, c)``, and how they are mixed once they are prepared."""
        self.targets: Targets = labels if mixing is None else mixing.targets(labels)
        self._mixing = mixing
        self._pixels = pixels
        self._preparations = preparations
        self._prepared: dict[InputSpec, Tensor] = {}

    def prepared(self, spec: InputSpec) -> Tensor:
        """Return a network's input ``(batch, *spec.shape)``, normalised; computed once for each.

        Raises:
            KeyError: The batches were not made for such a network.
        """
        if spec not in self._prepared:
            x = self._preparations[spec](self._pixels)
            self._prepared[spec] = x if self._mixing is None else self._mixing.images(x)
        return self._prepared[spec]


class ElasticBatches:
    """Full batches as of ``TrainBatches``, for all networks of a space."""

    def __init__(
        self,
        images: Samples,
        specs: Sequence[InputSpec],
        *,
        device: torch.device | str,
        batch_size: int,
        augment: AugmentConfig,
        seed: int,
    ) -> None:
        """Copy the images to the device.

        Args:
            images: The train split.
            specs: What the networks take in, the first of which gives a cutout its colour.
            device: Where images are stored and batches are made.
            batch_size: Images per batch.
            augment: Random changes, made before resizing.
            seed: Of order and augmentation.

        Raises:
            DataError: Fewer than 2 images.
            ConfigError: The cutout square is larger than the images.
        """
        check_trainable(images, augment)
        target = torch.device(device)
        self._count, self._seed, self._mixup = len(images), seed, augment.mixup
        self._batch_size = min(batch_size, len(images))
        self._images = AugmentedImages(images, augment, device=target, grey=mean_colour(specs[0]))
        self._labels = torch.tensor(images.labels).to(target)
        self._preparations = {
            spec: InputPreparation(images.shape, spec, device=target, memory_format=torch.channels_last)
            for spec in specs
        }

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._count // self._batch_size

    def epoch(self, number: int, start: int = 0) -> Iterator[ElasticBatch]:
        """Yield the batches of one epoch, those before ``start`` left out; the same every time."""
        generator = torch.Generator().manual_seed(self._seed + EPOCH_STRIDE * number)
        order = torch.randperm(self._count, generator=generator)[: len(self) * self._batch_size]
        labels = self._labels.index_select(0, order.to(self._labels.device)).view(-1, self._batch_size)
        mixings: Sequence[Mixing | None] = [None] * len(self)
        if self._mixup:
            device = self._labels.device
            mixings = draw_mixings(self._mixup, len(self), self._batch_size, generator, device)
        batches = self._images.epoch(order, self._batch_size, generator, start)
        for pixels, y, mixing in zip(batches, labels[start:], mixings[start:], strict=True):
            yield ElasticBatch(pixels, y, self._preparations, mixing)
