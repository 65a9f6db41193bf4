"""The images of a full training: train and select together train, calibrate stays apart.

While hyperparameters are tuned, train trains and select scores.  Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aebnas.config.schema import DataConfig, SixteenBitDepth
from aebnas.data.checks.memory import memory_errors
from aebnas.data.checks.moved import other_data, read_again
from aebnas.data.dataset import Samples
from aebnas.data.splits import Splits, make_splits
from aebnas.data.statistics import pixel_normalisation
from aebnas.errors import RunError
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task


@dataclass(frozen=True, eq=False)
class FinalImages:
    """The images that train a network, and those held out; disjoint, none of test."""

    train: Samples
    held_out: Samples
    """Calibrate, on which exit policies are fitted; while hyperparameters are tuned, select."""
    classes: tuple[str, ...]
    data: DataConfig
    fingerprint: str
    """Of the data and splits, as the search knew them."""
    depth: SixteenBitDepth | None = None
    """Bits that 16-bit files were read with; None: there are none."""

    @cached_property
    def normalisation(self) -> Normalisation:
        """Return the depth of ``train``, whose pixels are read once."""
        return pixel_normalisation(self.train)

    @property
    def task(self) -> Task:
        """Return the task: the images' shape and the number of classes."""
        return Task.of_samples(self.train.shape, self.classes, self.normalisation)


def final_images(data: DataConfig, fingerprint: str | None = None, progress: bool = False) -> FinalImages:
    """Read the images, without those of test.

    Args:
        data: Where they come from.
        fingerprint: What they were in the search; None: not known.
        progress: Show the progress of downloads.

    Raises:
        DataError: Something is wrong with the data.
        RunError: They have changed since the search.
    """
    splits = _checked(data, fingerprint, progress)
    parts = (splits.train, splits.select)
    with memory_errors("joining train and select"):
        train = Samples(np.concatenate([p.pixels for p in parts]), np.concatenate([p.labels for p in parts]))
    return _images(train, splits.calibrate, splits, data)


def tuning_images(data: DataConfig, fingerprint: str | None = None) -> FinalImages:
    """Read the images on which hyperparameters are tuned: train, and select held out.

    Raises:
        DataError: Something is wrong with the data.
        RunError: They have changed since the search.
    """
    splits = _checked(data, fingerprint, progress=False)
    return _images(splits.train, splits.select, splits, data)


def _checked(data: DataConfig, fingerprint: str | None, progress: bool) -> Splits:
    splits = make_splits(read_again(data, progress), data)
    if fingerprint is not None and fingerprint != splits.fingerprint:
        what = "the data have changed since the search that found this network"
        raise RunError(other_data(what, fingerprint, splits.fingerprint, "Restore them, search anew"))
    return splits


def _images(train: Samples, held_out: Samples, splits: Splits, data: DataConfig) -> FinalImages:
    return FinalImages(train, held_out, splits.classes, data, splits.fingerprint, splits.depth)
