"""Random, augmented batches for networks of several resolutions.

Every epoch's order and changes follow from the seed and the epoch's number alone,
so that a training can be continued in the middle of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from aebnas.config.sections.training import AugmentConfig
from aebnas.data.augment import AugmentedImages
from aebnas.data.dataset import ImageSet
from aebnas.data.loader import check_trainable
from aebnas.data.prepare import InputPreparation
from aebnas.data.statistics import ChannelStatistics
from aebnas.task.input_size import Size, size_of

EPOCH_STRIDE = 1_000_003
"""Between the seeds of two epochs."""


class ElasticBatch:
    """The same augmented images at any of the resolutions."""

    def __init__(
        self, pixels: Tensor, labels: Tensor, preparations: dict[tuple[int, int], InputPreparation]
    ) -> None:
        """Hold the uint8 pixels ``(batch, h, w, c)``."""
        self.labels = labels
        self._pixels = pixels
        self._preparations = preparations
        self._prepared: dict[tuple[int, int], Tensor] = {}

    def at(self, resolution: Size) -> Tensor:
        """Return the normalised input ``(batch, c, *resolution)``, computed once per resolution.

        Raises:
            KeyError: The resolution is none of the batches'.
        """
        size = size_of(resolution)
        if size not in self._prepared:
            self._prepared[size] = self._preparations[size](self._pixels)
        return self._prepared[size]


class ElasticBatches:
    """Full batches as of ``TrainBatches``, at every resolution of a space."""

    def __init__(
        self,
        images: ImageSet,
        *,
        device: torch.device | str,
        resolutions: Sequence[Size],
        batch_size: int,
        augment: AugmentConfig,
        seed: int,
        statistics: ChannelStatistics,
    ) -> None:
        """Copy the images to the device.

        Args:
            images: The train split.
            device: Where images are stored and batches are made.
            resolutions: Of the networks' inputs.
            batch_size: Images per batch.
            augment: Random changes, made before resizing.
            seed: Of order and augmentation.
            statistics: Of the train split.

        Raises:
            DataError: Fewer than 2 images.
            ConfigError: The cutout square is larger than the images.
        """
        check_trainable(images, augment)
        target = torch.device(device)
        self._count, self._seed = len(images), seed
        self._batch_size = min(batch_size, len(images))
        grey = [round(255 * mean) for mean in statistics.mean]
        self._images = AugmentedImages(images, augment, device=target, grey=grey)
        self._labels = torch.tensor(images.labels).to(target)
        self._preparations = {
            size_of(resolution): InputPreparation(
                images.shape,
                resolution=resolution,
                statistics=statistics,
                device=target,
                memory_format=torch.channels_last,
                dtype=torch.float32,
            )
            for resolution in resolutions
        }

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return self._count // self._batch_size

    def epoch(self, number: int, start: int = 0) -> Iterator[ElasticBatch]:
        """Yield the batches of one epoch, those before ``start`` left out; the same every time."""
        generator = torch.Generator().manual_seed(self._seed + EPOCH_STRIDE * number)
        order = torch.randperm(self._count, generator=generator)[: len(self) * self._batch_size]
        labels = self._labels.index_select(0, order.to(self._labels.device)).view(-1, self._batch_size)
        batches = self._images.epoch(order, self._batch_size, generator, start)
        for pixels, y in zip(batches, labels[start:], strict=True):
            yield ElasticBatch(pixels, y, self._preparations)
