"""Readers of official file formats and .npz: what they return and what they refuse."""

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from aebnas.data.readers.cifar import CIFAR10, CIFAR100, CifarLayout, read_cifar
from aebnas.data.readers.idx import read_idx_pairs
from aebnas.data.readers.npz import read_npz
from aebnas.data.readers.svhn import read_svhn
from aebnas.errors import DataError

RNG = np.random.default_rng(0)
TINY = replace(CIFAR10, train=("data_batch_1.bin", "data_batch_2.bin"), train_records=10, test_records=10)
TINY100 = replace(CIFAR100, train_records=100, test_records=100)


# ---------------------------------------------------------------- idx
def idx_bytes(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def idx_files(tmp_path: Path) -> list[Path]:
    arrays = {
        "train-images": RNG.integers(0, 256, (20, 5, 4), dtype=np.uint8),
        "train-labels": np.arange(20, dtype=np.uint8) % 10,
        "test-images": RNG.integers(0, 256, (10, 5, 4), dtype=np.uint8),
        "test-labels": np.arange(10, dtype=np.uint8),
    }
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(gzip.compress(idx_bytes(array)))
    return [tmp_path / name for name in arrays]


def read_tiny_idx(paths: list[Path]) -> tuple:
    return read_idx_pairs(paths, counts=(20, 10), classes=10)


def test_idx_images_come_back_as_they_were_written(idx_files: list[Path]) -> None:
    images = RNG.integers(0, 256, (20, 5, 4), dtype=np.uint8)
    idx_files[0].write_bytes(gzip.compress(idx_bytes(images)))
    train, test = read_tiny_idx(idx_files)
    np.testing.assert_array_equal(train.pixels[..., 0], images)
    np.testing.assert_array_equal(test.labels, np.arange(10))


def test_an_extracted_idx_file_reads_like_the_gzipped_one(idx_files: list[Path]) -> None:
    zipped, _ = read_tiny_idx(idx_files)
    idx_files[0].write_bytes(gzip.decompress(idx_files[0].read_bytes()))
    plain, _ = read_tiny_idx(idx_files)
    np.testing.assert_array_equal(plain.pixels, zipped.pixels)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], "truncated or damaged"),
        (lambda content: content + b"x", "truncated or damaged"),
        (lambda content: content[:6], "its header alone needs 16"),
        (lambda content: b"\0\0\x0d\x03" + content[4:], "magic number is 00000d03, expected 00000803"),
        (lambda content: gzip.compress(content)[:-20], "truncated or unreadable"),
        (lambda content: idx_bytes(np.zeros((19, 5, 4), np.uint8)), "19 records, expected 20"),
    ],
)
def test_a_damaged_idx_file_is_refused_by_name(idx_files: list[Path], damage, message: str) -> None:
    idx_files[0].write_bytes(damage(gzip.decompress(idx_files[0].read_bytes())))
    with pytest.raises(DataError, match=f"train-images.*{message}"):
        read_tiny_idx(idx_files)


def test_an_idx_label_out_of_range_names_file_and_image(idx_files: list[Path]) -> None:
    labels = np.arange(20, dtype=np.uint8) % 10
    labels[7] = 10
    idx_files[1].write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match=r"train-labels: label 10 of image 7 is outside 0\.\.9 \(1 of 20"):
        read_tiny_idx(idx_files)


# ---------------------------------------------------------------- CIFAR
def cifar_files(layout: CifarLayout) -> dict[str, np.ndarray]:
    files = {}
    for name, size in layout.sizes.items():
        records = RNG.integers(0, 256, (size // (layout.label_bytes + 3072), layout.label_bytes + 3072))
        records[:, layout.label_bytes - 1] = np.arange(len(records)) % layout.classes
        files[name] = records.astype(np.uint8)
    return files


def write_folder(folder: Path, files: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    for name, records in files.items():
        records.tofile(folder / name)
    return folder


def write_archive(path: Path, files: dict[str, np.ndarray], folder: str = "cifar-10-batches-bin") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, records in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = records.size
            archive.addfile(member, io.BytesIO(records.tobytes()))
    return path


def test_a_cifar_pixel_sits_at_its_row_column_and_colour(tmp_path: Path) -> None:
    files = cifar_files(TINY)
    train, _ = read_cifar([write_folder(tmp_path / "c", files)], layout=TINY)
    red_green_blue = files["data_batch_2.bin"][3, 1 + 5 * 32 + 9 :: 1024]
    np.testing.assert_array_equal(train.pixels[13, 5, 9], red_green_blue)


def test_a_cifar_archive_reads_like_its_extracted_folder(tmp_path: Path) -> None:
    files = cifar_files(TINY)
    folder = read_cifar([write_folder(tmp_path / "c", files)], layout=TINY)
    archive = read_cifar([write_archive(tmp_path / "c.tar.gz", files)], layout=TINY)
    for one, other in zip(folder, archive, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_cifar100_uses_the_fine_label(tmp_path: Path) -> None:
    files = cifar_files(TINY100)
    train, _ = read_cifar([write_folder(tmp_path / "c", files)], layout=TINY100)
    np.testing.assert_array_equal(train.labels, np.arange(100))


def test_a_cifar_archive_writes_no_file(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "c.tar.gz", cifar_files(TINY), folder="../../evil")
    read_cifar([archive], layout=TINY)
    assert [path.name for path in tmp_path.rglob("*")] == ["c.tar.gz"]


def test_the_official_layouts_have_the_published_sizes() -> None:
    assert set(CIFAR10.sizes.values()) == {30_730_000}
    assert CIFAR100.sizes == {"train.bin": 153_700_000, "test.bin": 30_740_000}


def test_a_truncated_cifar_file_is_refused_with_both_sizes(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "c", cifar_files(TINY))
    path = folder / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"data_batch_2\.bin: 30729 bytes, expected 30730"):
        read_cifar([folder], layout=TINY)


def test_a_missing_cifar_file_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "c", cifar_files(TINY))
    (folder / "data_batch_2.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_2\.bin: cannot be read"):
        read_cifar([folder], layout=TINY)


def test_a_truncated_cifar_archive_is_refused(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "c.tar.gz", cifar_files(TINY))
    archive.write_bytes(archive.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"c\.tar\.gz: truncated or not a tar archive"):
        read_cifar([archive], layout=TINY)


def test_the_pickled_version_of_cifar_is_recognised(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "c.tar.gz", {"data_batch_1": np.zeros(9, np.uint8)})
    with pytest.raises(DataError, match=r"lacks data_batch_1\.bin, .* \*binary\* version"):
        read_cifar([archive], layout=TINY)


def test_a_cifar_label_out_of_range_names_file_and_image(tmp_path: Path) -> None:
    files = cifar_files(TINY)
    files["data_batch_2.bin"][4, 0] = 200
    with pytest.raises(DataError, match=r"data_batch_2\.bin: label 200 of image 4 is outside 0\.\.9"):
        read_cifar([write_folder(tmp_path / "c", files)], layout=TINY)


# ---------------------------------------------------------------- SVHN
def write_svhn(path: Path, labels: np.ndarray, images: np.ndarray) -> Path:
    savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]})
    return path


@pytest.fixture
def svhn_images() -> np.ndarray:
    return RNG.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)


def test_svhn_label_ten_is_the_digit_zero(tmp_path: Path, svhn_images: np.ndarray) -> None:
    path = write_svhn(tmp_path / "train_32x32.mat", np.arange(1, 11, dtype=np.uint8), svhn_images)
    train, _ = read_svhn([path, path], counts=(10, 10))
    np.testing.assert_array_equal(train.labels, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
    np.testing.assert_array_equal(train.pixels, svhn_images)


@pytest.mark.parametrize(
    ("labels", "count", "message"),
    [
        (np.full(10, 11, np.uint8), 10, r"label 11 of image 0 is outside 0\.\.9"),
        (np.arange(1, 11, dtype=np.uint8), 11, r"X must be uint8 of shape \(32, 32, 3, 11\)"),
        (np.arange(1, 10, dtype=np.uint8), 10, "9 labels y, expected 10"),
    ],
)
def test_an_inconsistent_svhn_file_is_refused(
    tmp_path: Path, svhn_images: np.ndarray, labels: np.ndarray, count: int, message: str
) -> None:
    path = write_svhn(tmp_path / "train_32x32.mat", labels, svhn_images)
    with pytest.raises(DataError, match=f"train_32x32.mat: {message}"):
        read_svhn([path, path], counts=(count, count))


def test_a_truncated_svhn_file_is_refused(tmp_path: Path, svhn_images: np.ndarray) -> None:
    path = write_svhn(tmp_path / "train_32x32.mat", np.arange(1, 11, dtype=np.uint8), svhn_images)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"train_32x32\.mat: "):
        read_svhn([path, path], counts=(10, 10))


# ---------------------------------------------------------------- npz
def arrays(**changes: np.ndarray) -> dict[str, np.ndarray]:
    plain = {"x_train": RNG.integers(0, 256, (12, 6, 6, 3), dtype=np.uint8), "y_train": np.arange(12) % 3}
    return plain | changes


def test_npz_arrays_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = arrays(x_test=np.ones((2, 6, 6, 3), np.uint8), y_test=np.array([[0], [1]]))
    np.savez(tmp_path / "a.npz", **saved)
    train, test, classes, _ = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(train.pixels, saved["x_train"])
    np.testing.assert_array_equal(test.labels, [0, 1])
    assert classes == ("0", "1", "2")


def test_grey_npz_images_without_channels_get_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays(x_train=np.zeros((12, 6, 5), np.uint8)))
    train, test, *_ = read_npz(tmp_path / "a.npz")
    assert (train.shape, test) == ((6, 5, 1), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((12, 6, 6), np.float32)}, "x_train must be uint8 .* but it is float32"),
        ({"x_train": np.zeros((12, 6), np.uint8)}, r"x_train must be uint8 .* shape \(12, 6\)"),
        ({"y_train": np.zeros(11, np.int64)}, r"y_train must be whole numbers of shape \(12,\)"),
        ({"y_train": np.zeros(12)}, "y_train must be whole numbers .* float64"),
        ({"y_train": np.full(12, 10**9)}, "y_train holds label 1000000000, but 12 images"),
        ({"y_train": np.array([None] * 12)}, "holds Python objects"),
        ({"x_test": np.zeros((12, 6, 6, 3), np.uint8)}, "array 'y_test' is missing; found: x_test, x_train"),
    ],
)
def test_npz_arrays_of_the_wrong_kind_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(DataError, match=f"a.npz: .*{message}"):
        read_npz(tmp_path / "a.npz")


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays())
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"a\.npz: missing, damaged"):
        read_npz(tmp_path / "a.npz")


def test_a_bare_npy_array_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="one bare array"):
        read_npz(tmp_path / "a.npz")
