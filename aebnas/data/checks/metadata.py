"""What is known of a file's data before a search: read, or from published numbers.

Known datasets need not be read, nor downloaded, to be split: how many images of
each class every split gets follows from the published numbers alone.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aebnas.config.schema import DataConfig
from aebnas.data.checks.duplicates import Duplicates, find_duplicates
from aebnas.data.datasets import KNOWN, TEST_SEED, check_known_fits, load_dataset
from aebnas.data.splits import Splits, check_every_class, cut_indices, make_splits, split_indices
from aebnas.task.task import Task


@dataclass(frozen=True, eq=False)
class DataMetadata:
    """What a file's data are.

    Args:
        shape: Height, width and channels of every image.
        classes: Names; a label is an index into them.
        counts: Images of train, calibrate, select and test.
        splits: The images themselves; None where they were not read.
        duplicates: What is the same among them; None where they were not read.
        notes: What a person should know of how they were read.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    counts: tuple[int, int, int, int]
    splits: Splits | None = None
    duplicates: Duplicates | None = None
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """Return what comes in, and how many answers there are."""
        return Task.of_samples(self.shape, self.classes)

    @property
    def warnings(self) -> list[str]:
        """Return what is wrong with the images although they can be searched on."""
        return [] if self.duplicates is None else self.duplicates.warnings


def is_published(config: DataConfig) -> bool:
    """Return whether all that splits depend on is known without reading."""
    is_known = config.name is not None and not config.is_outside and config.root is None
    return is_known and bool(KNOWN[str(config.name)].counts)


def data_metadata(config: DataConfig, progress: bool = False, must_read: bool = True) -> DataMetadata:
    """Return what is known of the data, all that can be wrong with them told.

    Args:
        config: Where they come from.
        progress: Show the progress of downloads.
        must_read: Read known datasets too; else the published numbers answer.

    Raises:
        DataError: Missing, damaged, inconsistent, larger than memory, or a split would lack a class.
    """
    published = _published_metadata(config) if is_published(config) else None
    if published is not None and not must_read:
        return published
    dataset = load_dataset(config, progress=progress)
    splits, duplicates = make_splits(dataset, config), find_duplicates(dataset, config)
    train, calibrate, select = map(len, (splits.train, splits.calibrate, splits.select))
    counts = (train, calibrate, select, len(dataset.test))
    notes = dataset.extras.notes
    return DataMetadata(splits.train.shape, splits.classes, counts, splits, duplicates, notes)


def _published_metadata(config: DataConfig) -> DataMetadata:
    dataset = KNOWN[str(config.name)]
    check_known_fits(config)
    labels, test = np.repeat(np.arange(len(dataset.counts)), dataset.counts), dataset.test
    if test is None:
        train, cut = cut_indices(labels, config.test_share, TEST_SEED)
        labels, test = labels[train], len(cut)
    parts = split_indices(labels, config)
    check_every_class(str(config.name), dataset.classes, labels, parts, config)
    train_count, calibrate, select = map(len, parts)
    return DataMetadata(dataset.shape, dataset.classes, (train_count, calibrate, select, test))
