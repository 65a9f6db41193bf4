"""The layouts of .npz files that are common on the web, and what other people's arrays look like."""

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aebnas.config.schema import DataConfig, SplitConfig
from aebnas.data.datasets import load_dataset
from aebnas.data.readers.npz import read_npz
from aebnas.data.readers.npz_layout import layout_of
from aebnas.data.splits import make_splits
from aebnas.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 8, 6, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3
TEST_IMAGES = RNG.integers(0, 256, (9, 8, 6, 3), dtype=np.uint8)
TEST_LABELS = np.arange(9) % 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.npz"


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("X_TRAIN", "Y_TRAIN", "X_TEST", "Y_TEST"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("train_images", "train_labels", "val_images", "val_labels"),
        ("images_train", "labels_train", "images_test", "labels_test"),
        ("train_x", "train_y", "valid_x", "valid_y"),
        ("trainX", "trainY", "testX", "testY"),
        ("train-data", "train-targets", "validation-data", "validation-targets"),
        ("training.images", "training.labels", "testing.images", "testing.labels"),
        ("images", "labels", "test_images", "test_labels"),
        ("X", "y"),
        ("x", "Y"),
        ("images", "labels"),
        ("image", "label"),
        ("data", "target"),
        ("data", "targets"),
        ("IMGS", "Label"),
    ],
)
def test_common_names_are_read(path: Path, names: tuple[str, ...]) -> None:
    arrays = (IMAGES, LABELS[:, None], TEST_IMAGES, TEST_LABELS[:, None])
    np.savez(path, unrelated=np.zeros(3), **dict(zip(names, arrays, strict=False)))
    train, test, classes, _ = read_npz(path)
    np.testing.assert_array_equal(train.pixels, IMAGES)
    np.testing.assert_array_equal(train.labels, LABELS)
    assert (test is None) == (len(names) == 2)
    if test is not None:
        np.testing.assert_array_equal(test.pixels, TEST_IMAGES)
    assert classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("arr_0", "arr_1"), r"'x_train' is missing; found: arr_0, arr_1 \(.*Save it as numpy\.savez"),
        (("x", "y", "images"), "'x' and 'images' could both be the images of train"),
        (("X", "y", "X_train"), "'X' and 'X_train' could both be the images of train"),
        (("X", "x", "y"), "'X' and 'x' could both be"),
        (("X_train", "X_test", "y_test"), "'y_train' is missing; found: X_test, X_train, y_test"),
        (("x_test", "y_test"), "'x_train' is missing"),
        ((), "'x_train' is missing; found: none"),
    ],
)
def test_names_that_say_nothing_or_too_much_are_told(names: tuple[str, ...], message: str) -> None:
    output = f"found: {', '.join(sorted(names)) or 'none'} (...)."
    with pytest.raises(DataError, match=message):
        layout_of(names, output)


def test_the_official_names_win(path: Path) -> None:
    np.savez(path, x_train=IMAGES, y_train=LABELS, images=TEST_IMAGES, X=TEST_IMAGES)
    np.testing.assert_array_equal(read_npz(path)[0].pixels, IMAGES)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.transpose(0, 3, 1, 2),
        np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)),
        np.asfortranarray(IMAGES),
        IMAGES.astype(np.int64),
        IMAGES.astype(">u2"),
    ],
)
def test_images_laid_out_otherwise_come_back_the_same(path: Path, images: np.ndarray) -> None:
    np.savez(path, X=images, y=LABELS)
    np.testing.assert_array_equal(read_npz(path)[0].pixels, IMAGES)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[:, None],
        LABELS[None, :],
        LABELS.astype(np.uint8),
        np.eye(3, dtype=np.uint8)[LABELS],
        np.eye(3, dtype=np.float32)[LABELS],
        np.eye(3, dtype=bool)[LABELS],
    ],
)
def test_labels_written_otherwise_come_back_the_same(path: Path, labels: np.ndarray) -> None:
    np.savez(path, X=IMAGES, y=labels)
    np.testing.assert_array_equal(read_npz(path)[0].labels, LABELS)


@pytest.mark.parametrize(
    ("images", "cure"),
    [
        (IMAGES / 255, r"reach from 0 to 1\. Save it as \(x \* 255\)\.round\(\)\.astype\(numpy\.uint8\)"),
        (IMAGES.astype(np.float32), r"reach from 0 to 255\. Save it as x\.round\(\)\.astype"),
        (IMAGES / 127.5 - 1, r"reach from -1 to 1\. Save it as \(\(x \+ 1\) \* 127\.5\)"),
        ((IMAGES - 128.0) / 20, r"Bring them to 0\.\.255"),
        (IMAGES.astype(np.uint16) * 257, r"reach from 0 to 65535\. Bring them to 0\.\.255"),
        (IMAGES * np.nan, "Replace what is not a number first"),
        (IMAGES > 99, r"Save it as \(x \* 255\)\.astype"),
        (IMAGES.reshape(30, -1)[:, :81], r"Flat rows of 81: x\.reshape\(-1, 9, 9\)"),
        (IMAGES.reshape(30, -1)[:, :75], r"Flat rows of 75: x\.reshape\(-1, 5, 5, 3\) or \(-1, 3, 5, 5\)"),
        (np.moveaxis(IMAGES, 0, -1), r"numpy\.moveaxis\(x, -1, 0\)"),
        (np.moveaxis(IMAGES[..., 0], 0, -1), r"numpy\.moveaxis\(x, -1, 0\)"),
        (np.concatenate([IMAGES, IMAGES[..., :1]], 3), r"transparency, out: x\[\.\.\., :3\]"),
    ],
)
def test_images_of_another_kind_are_told_with_their_cure(path: Path, images: np.ndarray, cure: str) -> None:
    np.savez(path, X=images, y=LABELS)
    with pytest.raises(DataError, match=rf"a\.npz: X must be uint8 .*{cure}"):
        read_npz(path)


@pytest.mark.parametrize(
    ("labels", "cure"),
    [
        (LABELS.astype(float), r"y\.astype\(int\)"),
        (LABELS + 0.5, "must be whole numbers"),
        (np.array(["cat", "dog", "cow"])[LABELS], r"numpy\.unique\(y, return_inverse=True\)\[1\]"),
        (np.ones((30, 3), np.int64), "do not hold a single 1 each: an image has one class"),
        (LABELS - 1, r"label -1 of image 0 in y is below 0.*numpy\.unique"),
        (LABELS + 1, r"y holds labels 1 to 3, and none is 0.* data\.first_label: 1"),
        (LABELS + 5, r"data\.first_label: 5"),
        (LABELS * 10 + 10, r"y holds labels 10 to 30.*numpy\.unique"),
    ],
)
def test_labels_of_another_kind_are_told_with_their_cure(path: Path, labels: np.ndarray, cure: str) -> None:
    np.savez(path, X=IMAGES, y=labels)
    with pytest.raises(DataError, match=rf"a\.npz: .*{cure}"):
        read_npz(path)


@pytest.mark.parametrize("first", [1, 5])
def test_first_label_maps_labels_and_keeps_their_names(path: Path, first: int) -> None:
    np.savez(path, X=IMAGES, y=LABELS + first)
    loaded = load_dataset(DataConfig(npz=str(path), first_label=first))
    assert loaded.classes == tuple(str(first + i) for i in range(3))
    assert set(loaded.train.labels.tolist()) == {0, 1, 2}


def test_a_label_below_the_first_is_refused(path: Path) -> None:
    np.savez(path, X=IMAGES, y=LABELS)
    with pytest.raises(DataError, match=r"y: label 0 of image 0 is below data\.first_label: 1"):
        read_npz(path, first_label=1)


def test_validation_beside_test_arrays_is_select(path: Path) -> None:
    arrays = {"train_images": IMAGES, "train_labels": LABELS}
    arrays |= {"val_images": TEST_IMAGES, "val_labels": TEST_LABELS}
    arrays |= {"test_images": TEST_IMAGES[:6], "test_labels": TEST_LABELS[:6]}
    np.savez(path, **arrays)
    config = DataConfig(npz=str(path), split=SplitConfig(train=0.5, calibrate=0.2, select=0.3))
    dataset = load_dataset(config)
    splits = make_splits(dataset, config)
    np.testing.assert_array_equal(splits.select.pixels, TEST_IMAGES)
    assert (len(dataset.test), len(splits.train) + len(splits.calibrate)) == (6, 30)
    assert dataset.extras.notes == (
        "val_images is read as select, which scores candidates; test_images as test",
    )


def test_validation_without_test_arrays_is_test(path: Path) -> None:
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_val=TEST_IMAGES, y_val=TEST_LABELS)
    dataset = load_dataset(DataConfig(npz=str(path)))
    assert (len(dataset.test), dataset.extras.select) == (9, None)
    assert dataset.extras.notes == ("x_val is read as test; select is cut off from x_train",)


def test_an_array_shorter_than_its_header_says_is_damaged(path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10, 4, 4), }\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"few"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", content)
        archive.writestr("y.npy", content)
    with pytest.raises(
        DataError, match=r"array 'X' says it is uint8 \(10, 4, 4\), 160 bytes, but 3 are there"
    ):
        read_npz(path)


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file_is_refused_or_read(path: Path, seed: int, save: Callable[..., None]) -> None:
    rng = np.random.default_rng(seed)
    save(path, X=IMAGES[:6], y=LABELS[:6])
    content = bytearray(path.read_bytes())
    place = int(rng.integers(len(content)))
    if seed % 3 == 0:
        content[place] ^= int(rng.integers(1, 256))
    elif seed % 3 == 1:
        del content[place : place + int(rng.integers(1, 40))]
    else:
        content[place:place] = rng.bytes(int(rng.integers(1, 40)))
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        load_dataset(DataConfig(npz=str(path), test_share=0.5))
