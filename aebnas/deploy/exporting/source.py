"""What an export is made from: a trained network and the images it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aebnas.data.checks.moved import moved, other_data, read_again
from aebnas.data.splits import Splits, make_splits
from aebnas.deploy.preprocessing import FloatArray, Preprocessing
from aebnas.errors import DataError
from aebnas.train.full.checkpoint import Checkpoint, Trained, load_trained


@dataclass(frozen=True, eq=False)
class Source:
    """A checkpoint with its images; test images are no part of it."""

    path: Path
    trained: Trained
    splits: Splits

    @property
    def checkpoint(self) -> Checkpoint:
        """Return what the checkpoint says of itself."""
        return self.trained.checkpoint

    @property
    def prepare(self) -> Preprocessing:
        """Return what the export prepares images by."""
        return Preprocessing(self.checkpoint.image_shape, self.checkpoint.input)

    @property
    def reach(self) -> FloatArray:
        """Return the MACs to leave at each exit."""
        return np.asarray(self.checkpoint.reach_macs, np.float64)


def read_source(path: Path, data: Path | None = None) -> Source:
    """Read a checkpoint and its images.

    Args:
        path: Folder of the checkpoint.
        data: Where the images are now, if they have moved.

    Raises:
        RunError: A file of the checkpoint is missing, wrong or damaged.
        DataError: The images cannot be read, or are others than those of the training.
    """
    trained = load_trained(path)
    checkpoint = trained.checkpoint
    splits = make_splits(read_again(moved(checkpoint.data, data)), checkpoint.data)
    if splits.fingerprint != checkpoint.data_fingerprint:
        what = f"{path / 'checkpoint.yaml'}: the data are not those of the training"
        cure = "The export is checked on calibrate images: restore the data, train again (aebnas train)"
        raise DataError(other_data(what, checkpoint.data_fingerprint, splits.fingerprint, cure))
    return Source(path, trained, splits)
