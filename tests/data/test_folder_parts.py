"""Folders of train, test and val in the spellings of the web: read as what they are, told where unclear."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aebnas.config.schema import DataConfig
from aebnas.data.checks.metadata import data_metadata
from aebnas.data.datasets import load_dataset
from aebnas.data.readers.folder import read_folder
from aebnas.data.readers.folder_layout import PARTS
from aebnas.data.splits import make_splits
from aebnas.errors import DataError

SHADES = {"train": 10, "test": 20, "val": 30}
SPELLINGS = [
    spell(name) for names in PARTS.values() for name in names for spell in (str.lower, str.title, str.upper)
]


def put(folder: Path, shade: int, count: int = 4, classes: str = "ab") -> None:
    """Write ``count`` pictures of each class, no two alike."""
    for i, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for j in range(count):
            Image.fromarray(np.array([[shade, i, j]], np.uint8)).save(folder / name / f"{j}.png")


def part_of(name: str) -> str:
    return next(part for part, names in PARTS.items() if name.lower() in names)


def shades(images: np.ndarray) -> set[int]:
    return set(images[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("name", [name for name in SPELLINGS if part_of(name) == "train"])
def test_every_spelling_of_train_is_train(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, 10)
    put(tmp_path / "test", 20)
    train, test, classes, extras = read_folder(tmp_path, None)
    assert (classes, shades(train.pixels), extras.notes, extras.select) == (("a", "b"), {10}, (), None)
    assert test is not None
    assert shades(test.pixels) == {20}


@pytest.mark.parametrize("name", [name for name in SPELLINGS if part_of(name) != "train"])
def test_val_is_the_test_split_where_there_is_no_test(tmp_path: Path, name: str) -> None:
    put(tmp_path / "Train", 10)
    put(tmp_path / name, 30)
    _, test, _, extras = read_folder(tmp_path, None)
    assert test is not None
    assert (shades(test.pixels), extras.select) == ({30}, None)
    output = () if part_of(name) == "test" else (f"there is no test/: {name}/ is the test split.",)
    assert extras.notes == output


@pytest.mark.parametrize("name", [name for name in SPELLINGS if part_of(name) == "val"])
def test_beside_test_val_is_the_select_split_and_nothing_else_is(tmp_path: Path, name: str) -> None:
    for folder, shade in (("train", 10), ("test", 20), (name, 30)):
        put(tmp_path / folder, shade, count=20)
    config = DataConfig(folder=str(tmp_path))
    splits, dataset = make_splits(load_dataset(config), config), load_dataset(config)
    found = [shades(part.pixels) for part in (splits.train, splits.calibrate, splits.select, dataset.test)]
    assert found == [{10}, {10}, {30}, {20}]
    assert [len(part) for part in (splits.train, splits.calibrate, splits.select)] == [36, 4, 40]  # 0.8 : 0.1
    assert data_metadata(config).notes == (
        f"{name}/ is the select split; train/ is divided into train and calibrate.",
    )


def test_limit_counts_the_images_of_train_alone(tmp_path: Path) -> None:
    for folder, shade in (("train", 10), ("test", 20), ("val", 30)):
        put(tmp_path / folder, shade, count=30)
    config = DataConfig(folder=str(tmp_path), limit=36)
    splits = make_splits(load_dataset(config), config)
    assert [len(part) for part in (splits.train, splits.calibrate, splits.select)] == [32, 4, 60]


def test_the_fingerprint_covers_the_images_of_val(tmp_path: Path) -> None:
    for folder, shade in (("train", 10), ("test", 20), ("val", 30)):
        put(tmp_path / folder, shade, count=20)
    config = DataConfig(folder=str(tmp_path))
    before = make_splits(load_dataset(config), config).fingerprint
    assert make_splits(load_dataset(config), config).fingerprint == before
    Image.fromarray(np.array([[31, 0, 0]], np.uint8)).save(tmp_path / "val" / "a" / "0.png")
    assert make_splits(load_dataset(config), config).fingerprint != before


def test_pictures_of_val_that_are_in_train_too_are_counted(tmp_path: Path) -> None:
    for folder, shade in (("train", 10), ("test", 20), ("val", 30)):
        put(tmp_path / folder, shade, count=20)
    Image.fromarray(np.array([[10, 0, 0]], np.uint8)).save(tmp_path / "val" / "a" / "0.png")
    found = data_metadata(DataConfig(folder=str(tmp_path))).duplicates
    assert found is not None
    assert (found.across.images, found.training_images, found.in_test.images) == (1, 80, 0)
    assert str(tmp_path / "val" / "a" / "0.png") in found.across.example


@pytest.mark.parametrize(
    "names", [("train", "Train"), ("train", "TRAINING"), ("val", "valid"), ("validation", "dev", "Val")]
)
def test_two_names_of_one_part_are_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in {"train", "test", *names}:
        put(tmp_path / name, 10)
    listed = " and ".join(f"{name}/" for name in sorted(names))
    with pytest.raises(DataError, match=f"{listed} are names of one part"):
        read_folder(tmp_path, None)


def test_folders_that_are_no_part_are_told_with_the_names_that_are_twice(tmp_path: Path) -> None:
    for name in ("train", "Train", "images", "extra"):
        put(tmp_path / name, 10)
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, None)
    assert "2 problems" in str(caught.value)
    assert "and also extra/, images/;" in str(caught.value)


@pytest.mark.parametrize("part", ["test", "val"])
def test_classes_that_train_lacks_are_refused_all_at_once(tmp_path: Path, part: str) -> None:
    for name in ("train", "test", "val"):
        put(tmp_path / name, 10, classes="abcdef" if name == part else "ab")
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, None)
    assert str(caught.value).count(f"a {part} class without training images") == 4


@pytest.mark.parametrize(
    ("name", "near"), [("caf\u00e9", "cafe\u0301"), ("Cat", "cat"), ("dog ", "dog"), ("hores", "horse")]
)
def test_a_class_that_is_spelled_otherwise_in_one_part_is_told_with_its_twin(
    tmp_path: Path, name: str, near: str
) -> None:
    for folder, spelled in (("train", near), ("test", name)):
        for each in (spelled, "x"):
            (tmp_path / folder / each).mkdir(parents=True)
            Image.new("L", (2, 2)).save(tmp_path / folder / each / "1.png")
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, None)
    assert f"{name!a}. Did you mean {near!a}?" in str(caught.value)


def test_a_class_that_val_lacks_is_refused_as_select_and_told_as_test(tmp_path: Path) -> None:
    put(tmp_path / "train", 10, classes="abc")
    put(tmp_path / "val", 30, classes="ab")
    assert read_folder(tmp_path, None)[3].notes[1] == (
        f"{tmp_path / 'val'}: no images of 1 of 3 classes: 'c'; the test split does not score them."
    )
    put(tmp_path / "test", 20, classes="abc")
    with pytest.raises(
        DataError, match=r"val: no images of 1 of 3 classes: 'c'\. It is the select split, which needs"
    ):
        read_folder(tmp_path, None)


@pytest.mark.parametrize("names", [("train", "test"), ("Train", "val", "test"), ("train",)])
def test_parts_without_class_folders_are_not_taken_for_classes(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2)).save(tmp_path / name / "1.png")
    with pytest.raises(DataError, match="but no train/ with one folder of images per class"):
        read_folder(tmp_path, None)


def test_test_and_val_without_train_are_told(tmp_path: Path) -> None:
    put(tmp_path / "val", 10)
    put(tmp_path / "test", 10)
    with pytest.raises(DataError, match="holds test/, val/, but no train/"):
        read_folder(tmp_path, None)


def test_classes_that_are_called_like_parts_stay_classes(tmp_path: Path) -> None:
    for name in ("train", "plane", "test"):
        (tmp_path / name).mkdir()
        Image.new("L", (2, 2)).save(tmp_path / name / "1.png")
    assert read_folder(tmp_path, None)[2] == ("plane", "test", "train")
