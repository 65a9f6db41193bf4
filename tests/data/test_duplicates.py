"""Exact duplicates are counted within and across splits, with an example that a person finds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aebnas.config.schema import DataConfig, SplitConfig
from aebnas.data.checks.duplicates import Duplicates, _pairs, find_duplicates
from aebnas.data.dataset import Dataset, Samples, make_dataset
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import split_indices

CONFIG = DataConfig(name="digits", split=SplitConfig(train=0.6, calibrate=0.2, select=0.2))


def images(pictures: list[int], labels: list[int]) -> Samples:
    """One image per number: equal numbers are the same picture."""
    pixels = np.array(pictures, "<u4").view(np.uint8).reshape(-1, 2, 2, 1)
    return Samples(np.ascontiguousarray(pixels), np.array(labels, np.int64))


def dataset(train: list[int], test: list[int], train_labels: list[int] | None = None) -> Dataset:
    train_labels = train_labels or [i % 2 for i in range(len(train))]
    test_labels = [i % 2 for i in range(len(test))]
    return make_dataset("made", images(train, train_labels), images(test, test_labels), ("a", "b"))


def of(data: Dataset, config: DataConfig = CONFIG) -> Duplicates:
    return find_duplicates(data, config)


def test_different_images_are_no_duplicates() -> None:
    found = of(dataset(list(range(40)), list(range(100, 110))))
    assert (found.pictures, found.warnings, found.test_warning) == (50, [], None)


def test_a_test_set_that_is_the_training_set_is_told() -> None:
    found = of(dataset(list(range(40)), list(range(40))))
    assert found.test_in_training.images == 40
    assert found.warnings[0].startswith(
        "all 40 test images are in the training data too (test[0] = train[0])"
    )


def test_one_picture_everywhere_is_told_in_one_line() -> None:
    (warning,) = of(dataset([7] * 40, [7] * 10)).warnings
    assert warning.startswith("all 50 images are the same picture (")


def test_a_picture_under_two_classes_is_told_with_both() -> None:
    found = of(dataset([*range(39), 0], [100, 101], train_labels=[0] * 20 + [1] * 20))
    assert (found.two_classes.images, found.two_classes.example) == (1, "train[0] = train[39]")
    assert any("1 picture stands under more than one class" in warning for warning in found.warnings)


@given(
    st.lists(st.integers(0, 25), min_size=30, max_size=60),
    st.lists(st.integers(0, 25), min_size=2, max_size=20),
    st.integers(0, 2),
)
@settings(max_examples=60)
def test_the_counts_are_those_of_comparing_every_pair(train: list[int], test: list[int], cut: int) -> None:
    config = CONFIG.model_copy(update={"limit": len(train) - 5 * cut})
    data = dataset(train, test)
    found, (fit, calibrate, select) = of(data, config), split_indices(data.train.labels, config)
    splits = {"train": fit, "calibrate": calibrate, "select": select}
    used = [(train[i], name, int(data.train.labels[i])) for name, part in splits.items() for i in part]
    pictures = [picture for picture, _, _ in used]
    assert found.test_in_training.images == sum(picture in pictures for picture in test)
    assert found.in_training.images == len(pictures) - len(set(pictures))
    assert found.in_test.images == len(test) - len(set(test))
    across = [
        any(other == picture and its != name for other, its, _ in used)
        for picture, name, _ in used
        if name != "train"
    ]
    assert found.across.images == sum(across)
    everything = [(picture, label) for picture, _, label in used]
    everything += [(picture, i % 2) for i, picture in enumerate(test)]
    both = {picture for picture in range(26) if {(picture, 0), (picture, 1)} <= set(everything)}
    assert found.two_classes.images == len(both)
    assert found.pictures == len(set(pictures) | set(test))


def test_duplicates_in_a_folder_are_named_by_their_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 3)):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (4, 4), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{i}.png")
    copied = tmp_path / "train/dog/3.png"
    (tmp_path / "test/cat/1.png").write_bytes(copied.read_bytes())
    found = of(load_dataset(DataConfig(folder=str(tmp_path))))
    assert found.test_in_training.example == f"{tmp_path / 'test/cat/1.png'} = {copied}"
    assert found.two_classes.images == 1


@pytest.mark.parametrize("names", [("x_train", "y_train"), ("X", "y")])
def test_duplicates_in_arrays_are_named_as_they_lie_in_the_file(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    pixels[41] = pixels[8]
    np.savez(tmp_path / "a.npz", **dict(zip(names, (pixels, np.arange(60) % 3), strict=True)))
    found = of(load_dataset(DataConfig(npz=str(tmp_path / "a.npz"))))
    example = found.in_training.example or found.test_in_training.example
    assert set(example.split(" = ")) == {f"{names[0]}[8]", f"{names[0]}[41]"}


class Counting(list[str]):
    """Counts how often it is asked."""

    asked = 0

    def __getitem__(self, index: Any) -> Any:
        self.asked += 1
        return super().__getitem__(index)


def test_one_picture_many_times_in_one_split_is_not_compared_with_each_other() -> None:
    count = 2000
    splits = Counting(["train", *["select"] * count])
    members: Any = SimpleNamespace(splits=splits)
    assert len(_pairs("across", range(count + 1), members)) == count
    assert not _pairs("across", range(1, count + 1), members)
    assert splits.asked < 20 * count
