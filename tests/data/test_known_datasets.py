"""Loading by name, folder and file, and the checks that every dataset passes."""

from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from aebnas.config.schema import DataConfig, KnownName
from aebnas.data import datasets
from aebnas.data.dataset import Dataset, Samples, make_dataset
from aebnas.data.datasets import KNOWN, KnownDataset, load_dataset
from aebnas.data.readers.idx import read_idx_pairs
from aebnas.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def mnist5k() -> Dataset:
    return load_dataset(DataConfig(name="mnist5k"))


def image_set(labels: list[int], shape: tuple[int, int, int] = (4, 4, 1)) -> Samples:
    return Samples(np.zeros((len(labels), *shape), np.uint8), np.array(labels, np.int64))


def test_every_name_of_the_schema_is_known() -> None:
    assert set(KNOWN) == set(get_args(KnownName))


def test_every_known_dataset_names_as_many_classes_as_it_has() -> None:
    assert {name: len(set(known.classes)) for name, known in KNOWN.items()} == {
        "mnist5k": 10, "digits": 10, "fashion_mnist": 10, "cifar10": 10, "cifar100": 100, "svhn": 10,
    }  # fmt: skip


def test_mnist5k_has_4200_training_and_800_test_images(mnist5k: Dataset) -> None:
    assert (mnist5k.train.shape, set(mnist5k.train.class_counts(10))) == ((28, 28, 1), {420})
    assert set(mnist5k.test.class_counts(10)) == {80}


def test_mnist5k_holds_full_contrast_on_black(mnist5k: Dataset) -> None:
    assert (mnist5k.train.pixels.min(), mnist5k.train.pixels.max()) == (0, 255)
    assert mnist5k.train.pixels[:, 0].max() == 0


def test_the_test_cut_does_not_depend_on_the_split_seed(mnist5k: Dataset) -> None:
    assert load_dataset(DataConfig(name="mnist5k", split_seed=9)).fingerprint == mnist5k.fingerprint


def test_digits_spread_their_17_levels_over_a_byte() -> None:
    train = load_dataset(DataConfig(name="digits")).train
    assert (train.shape, train.pixels.max(), len(np.unique(train.pixels))) == ((8, 8, 1), 255, 17)


def test_official_files_are_read_from_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fashion = KNOWN["fashion_mnist"]
    small = KnownDataset(
        fashion.classes, fashion.shape, partial(read_idx_pairs, counts=(20, 10), classes=10), fashion.files
    )
    monkeypatch.setattr(datasets, "KNOWN", MappingProxyType({"fashion_mnist": small}))
    for part, count in (("train", 20), ("t10k", 10)):
        header = bytes([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28])
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + bytes(count * 784))
        labels = bytes(i % 10 for i in range(count))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, count]) + labels)
    loaded = load_dataset(DataConfig(name="fashion_mnist", root=str(tmp_path)))
    assert (len(loaded.train), len(loaded.test), loaded.classes[9]) == (20, 10, "Ankle boot")


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10", "cifar100", "svhn"])
def test_an_empty_root_names_the_file_that_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=KNOWN[name].files[0].name):
        load_dataset(DataConfig(name=name, root=str(tmp_path)))


def test_a_folder_without_test_is_cut(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.new("L", (4, 4), i).save(tmp_path / name / f"{i}.png")
    loaded = load_dataset(DataConfig(folder=str(tmp_path), test_share=0.2))
    assert (loaded.classes, len(loaded.train), len(loaded.test)) == (("a", "b"), 16, 4)


def test_an_npz_without_test_is_cut(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((20, 4, 4), np.uint8), y_train=np.arange(20) % 2)
    loaded = load_dataset(DataConfig(npz=str(tmp_path / "a.npz"), test_share=0.1))
    assert (len(loaded.train), len(loaded.test)) == (18, 2)


def test_a_negative_npz_label_is_refused_before_the_test_cut(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((20, 4, 4), np.uint8), y_train=np.arange(20) % 2 - 1)
    with pytest.raises(DataError, match=r"a\.npz: label -1 of image 0"):
        load_dataset(DataConfig(npz=str(tmp_path / "a.npz")))


def test_image_size_without_a_folder_is_not_silently_ignored() -> None:
    with pytest.raises(ConfigError, match=r"data\.image_size"):
        load_dataset(DataConfig.model_construct(name="digits", image_size=16))


# ---------------------------------------------------------------- checks
def test_a_class_without_training_images_is_named() -> None:
    with pytest.raises(DataError, match=r"d \(train\): class 'b' has 0 images \(1 of 3"):
        make_dataset("d", image_set([0, 2]), image_set([0]), ["a", "b", "c"])


def test_one_class_is_not_a_dataset() -> None:
    with pytest.raises(DataError, match="at least 2 different classes"):
        make_dataset("d", image_set([0]), image_set([0]), ["a"])


def test_a_label_without_a_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"d \(test\): label 2 of image 1 is outside 0\.\.1"):
        make_dataset("d", image_set([0, 1]), image_set([0, 2]), ["a", "b"])


def test_an_empty_test_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"d \(test\): 0 images"):
        make_dataset("d", image_set([0, 1]), image_set([]), ["a", "b"])


def test_train_and_test_of_two_shapes_are_refused() -> None:
    with pytest.raises(DataError, match=r"train has \(4, 4, 1\) and test has \(4, 5, 1\)"):
        make_dataset("d", image_set([0, 1]), image_set([0], (4, 5, 1)), ["a", "b"])


def test_two_channels_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 \(grey\) or 3 \(RGB\) channels"):
        make_dataset("d", image_set([0, 1], (4, 4, 2)), image_set([0], (4, 4, 2)), ["a", "b"])


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 4, 4, 1), np.float64), np.zeros(2, np.int64)),
        (np.zeros(2, np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 3), np.uint8)[:, :, ::2], np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2, np.int32)),
    ],
)
def test_samples_of_wrong_arrays_cannot_be_made(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be"):
        Samples(images, labels)


def test_samples_may_be_signals_which_only_readers_of_images_refuse() -> None:
    signals = Samples(np.zeros((3, 128, 2), np.float32), np.arange(3))
    assert (len(signals), signals.shape, signals.take(np.array([2])).shape) == (3, (128, 2), (128, 2))
    with pytest.raises(DataError, match=r"only images can be read here.*float32 of shape \(3, 128, 2\)"):
        make_dataset("d", signals, signals, ["a", "b", "c"])


def test_the_fingerprint_covers_labels_names_and_test() -> None:
    train, test = image_set([0, 1, 0, 1]), image_set([0])
    prints = {
        make_dataset("d", *arguments).fingerprint
        for arguments in (
            (train, test, ["a", "b"]),
            (train, test, ["a", "c"]),
            (image_set([0, 1, 1, 1]), test, ["a", "b"]),
            (train, image_set([1]), ["a", "b"]),
            (image_set([0, 1, 0, 1], (2, 8, 1)), image_set([0], (2, 8, 1)), ["a", "b"]),
        )
    }
    assert len(prints) == 5
