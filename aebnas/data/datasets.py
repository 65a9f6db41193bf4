"""Which datasets exist, where they come from, and loading one.

A new known dataset is one entry in ``KNOWN`` (and its name in
``aebnas.config.schema.DatasetName``); a new file format is one module with a
reader that returns train and test.

Must not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from aebnas.config.schema import DataConfig
from aebnas.config.text_paths import expanded
from aebnas.data.checks.class_names import CIFAR10_NAMES, CIFAR100_NAMES, DIGITS, FASHION_NAMES
from aebnas.data.checks.memory import check_fits, memory_errors, reading_peak
from aebnas.data.dataset import Dataset, Extras, Samples, check_labels, make_dataset
from aebnas.data.readers.bundled import read_digits, read_mnist5k
from aebnas.data.readers.cifar import CIFAR10, CIFAR100, read_cifar
from aebnas.data.readers.folder import folder_shape, read_folder
from aebnas.data.readers.idx import read_idx_pairs
from aebnas.data.readers.npz import read_npz
from aebnas.data.readers.official import OfficialFile, obtain
from aebnas.data.readers.outside import read_outside
from aebnas.data.readers.svhn import read_svhn
from aebnas.data.splits import cut_test
from aebnas.errors import ConfigError

TEST_SEED = 0
"""Seed of the test cut; fixed, so that no setting moves images between search and test."""

Reader = Callable[[Sequence[Path]], tuple[Samples, Samples | None]]


@dataclass(frozen=True)
class KnownDataset:
    """A dataset that is asked for by name.

    Args:
        classes: Names; a label is an index into them.
        shape: Height, width and channels of every image.
        read: Returns train and test (None: there is no official test split) from
            the obtained files, in their order.
        files: The official files; none for what comes with a Python package.
        counts: Published training images of each class, by label; all images where there is no official
            test split.
        test: Published test images; None: there are none.
    """

    classes: tuple[str, ...]
    shape: tuple[int, ...]
    read: Reader
    files: tuple[OfficialFile, ...] = ()
    counts: tuple[int, ...] = ()
    test: int | None = None


def _fashion(name: str, md5: str) -> OfficialFile:
    url = f"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{name}.gz"
    return OfficialFile(url, md5, extracted=name)


def _cifar(name: str, md5: str, extracted: str, marker: str) -> OfficialFile:
    return OfficialFile(f"https://www.cs.toronto.edu/~kriz/{name}", md5, extracted, marker)


def _svhn(name: str, md5: str) -> OfficialFile:
    return OfficialFile(f"http://ufldl.stanford.edu/housenumbers/{name}", md5)


KNOWN: Mapping[str, KnownDataset] = MappingProxyType(
    {
        "mnist5k": KnownDataset(DIGITS, (28, 28, 1), read_mnist5k, counts=(500,) * 10),
        "digits": KnownDataset(
            DIGITS, (8, 8, 1), read_digits, counts=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
        ),
        "fashion_mnist": KnownDataset(
            FASHION_NAMES,
            (28, 28, 1),
            partial(read_idx_pairs, counts=(60_000, 10_000), classes=10),
            (
                _fashion("train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
                _fashion("train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe"),
                _fashion("t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79"),
                _fashion("t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310"),
            ),
            counts=(6000,) * 10,
            test=10_000,
        ),
        "cifar10": KnownDataset(
            CIFAR10_NAMES,
            (32, 32, 3),
            partial(read_cifar, layout=CIFAR10),
            (
                _cifar(
                    "cifar-10-binary.tar.gz",
                    "c32a1d4ab5d03f1284b67883e8d87530",
                    "cifar-10-batches-bin",
                    "data_batch_1.bin",
                ),
            ),
            counts=(5000,) * 10,
            test=10_000,
        ),
        "cifar100": KnownDataset(
            CIFAR100_NAMES,
            (32, 32, 3),
            partial(read_cifar, layout=CIFAR100),
            (
                _cifar(
                    "cifar-100-binary.tar.gz",
                    "03b5dce01913d631647c71ecec9e9cb8",
                    "cifar-100-binary",
                    "train.bin",
                ),
            ),
            counts=(500,) * 100,
            test=10_000,
        ),
        "svhn": KnownDataset(
            DIGITS,
            (32, 32, 3),
            partial(read_svhn, counts=(73_257, 26_032)),
            (
                _svhn("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
                _svhn("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
            ),
            counts=(4948, 13_861, 10_585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
            test=26_032,
        ),
    }
)
"""Every known dataset by the name that a search-space file uses."""


def load_dataset(config: DataConfig, progress: bool = False) -> Dataset:
    """Return the dataset that ``config`` names, checked.

    Where there is no official test split, ``test_share`` of the images is cut off
    first, stratified and always the same.

    Args:
        config: Exactly one of ``name``, ``folder`` and ``npz`` is given.
        progress: Show the progress of downloads.

    Raises:
        DataError: Data are missing, damaged, inconsistent or cannot be downloaded.
        ConfigError: ``image_size`` without ``folder``.
    """
    if config.image_size is not None and config.folder is None:
        raise ConfigError("data.image_size resizes the images of data.folder only; leave it out here")
    with memory_errors(str(config.folder or config.npz or config.name)):
        name, train, test, classes, extras = _read(config, progress)
        if test is None:
            check_labels(train.labels, len(classes), name)
            train, test = cut_test(train.named("image"), config.test_share, TEST_SEED)
    return make_dataset(name, train, test, classes, extras)


def shape_and_classes(config: DataConfig) -> tuple[tuple[int, ...], int]:
    """Return ``(height, width, channels)`` of the images and the number of classes.

    Known datasets are not read for it, nor downloaded.

    Raises:
        DataError: The folder or file is missing, damaged or inconsistent.
    """
    if config.name is not None and not config.is_outside:
        entry = KNOWN[config.name]
        return entry.shape, len(entry.classes)
    dataset = load_dataset(config)
    return dataset.train.shape, len(dataset.classes)


def shape_of(config: DataConfig) -> tuple[int, ...]:
    """Return ``(height, width, channels)`` of the images; of a folder the headers alone are read.

    Raises:
        DataError: The folder or file is missing, damaged or inconsistent.
    """
    if config.folder is not None:
        return folder_shape(expanded("data.folder", config.folder), config.image_size)
    shape, _ = shape_and_classes(config)
    return shape


def _read(config: DataConfig, progress: bool) -> tuple[str, Samples, Samples | None, tuple[str, ...], Extras]:
    if config.folder is not None:
        folder = expanded("data.folder", config.folder)
        return str(folder), *read_folder(folder, config.image_size)
    if config.npz is not None:
        path = expanded("data.npz", config.npz)
        return str(path), *read_npz(path, config.first_label, config.limit)
    if config.is_outside:
        return str(config.name), *read_outside(str(config.name), config.options)
    entry = KNOWN[str(config.name)]
    check_known_fits(config)
    root = None if config.root is None else expanded("data.root", config.root)
    paths = [obtain(file, root, progress=progress) for file in entry.files]
    return str(config.name), *entry.read(paths), entry.classes, Extras()


def check_known_fits(config: DataConfig) -> None:
    """Refuse a known dataset that does not fit in memory, before anything is downloaded or read.

    Raises:
        DataError: It does not.
    """
    entry = KNOWN[str(config.name)]
    images = sum(entry.counts)
    needed = reading_peak(images, entry.test, math.prod(entry.shape), config.limit)
    what = f"{config.name}: reading {images + (entry.test or 0):,} images and splitting them"
    check_fits(what, needed, "Use a smaller dataset, or a machine with more memory.")
