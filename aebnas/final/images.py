"""The images of a full training: train and select together train, calibrate stays apart.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aebnas.config.schema import DataConfig
from aebnas.data.dataset import ImageSet
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.data.statistics import ChannelStatistics
from aebnas.errors import RunError


@dataclass(frozen=True, eq=False)
class FinalImages:
    """What a network is trained on, and what its exit policy is fitted on; disjoint."""

    train: ImageSet
    calibrate: ImageSet
    classes: tuple[str, ...]
    statistics: ChannelStatistics
    """Of ``train``."""
    data: DataConfig
    fingerprint: str
    """Of the data and splits, as the search knew them."""


def final_images(data: DataConfig, fingerprint: str | None = None, progress: bool = False) -> FinalImages:
    """Read the images; those of test are left alone.

    Args:
        data: Where they come from.
        fingerprint: What they were in the search; None: not known.
        progress: Show the progress of downloads.

    Raises:
        DataError: Something is wrong with the data.
        RunError: They have changed since the search.
    """
    splits = make_splits(load_dataset(data, progress=progress), data)
    if fingerprint is not None and fingerprint != splits.fingerprint:
        raise RunError(
            "the data have changed since the search that found this network: fingerprint "
            f" {fingerprint[:12]} then, {splits.fingerprint[:12]} now. Restore them, or search anew"
        )
    parts = (splits.train, splits.select)
    train = ImageSet(np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))
    return FinalImages(
        train, splits.calibrate, splits.classes, ChannelStatistics.of(train), data, splits.fingerprint
    )
