"""Data that do not fit in memory are refused before they are read; what fits is not."""

import gzip
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aebnas.config.schema import DataConfig
from aebnas.data.checks import memory
from aebnas.data.checks.memory import check_fits, check_folder_fits, format_bytes, reading_peak
from aebnas.data.checks.room import available_bytes
from aebnas.data.datasets import load_dataset
from aebnas.data.readers.idx import read_idx
from aebnas.data.splits import make_splits
from aebnas.errors import DataError

GB = 10**9


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the machine has free: a test sets it."""
    there = {"bytes": GB}
    monkeypatch.setattr(memory, "available_bytes", lambda: there["bytes"])
    return there


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal:  9000 kB\nMemAvailable:  8000 kB\nSwapFree:  1000 kB\n"}
V2 = {
    "proc/self/cgroup": "0::/batch/job\n",
    "sys/fs/cgroup/batch/job/memory.max": "max\n",
    "sys/fs/cgroup/batch/job/memory.current": "100\n",
    "sys/fs/cgroup/batch/memory.max": "5000000\n",
    "sys/fs/cgroup/batch/memory.current": "4000000\n",
    "sys/fs/cgroup/batch/memory.swap.max": "0\n",
    "sys/fs/cgroup/batch/memory.stat": "anon 7\nactive_file 100000\ninactive_file 200000\nslab_reclaimable 5",
}
CONTAINER = {
    "proc/self/cgroup": "0::/unknown/outside\n",
    "sys/fs/cgroup/memory.max": "3000000\n",
    "sys/fs/cgroup/memory.current": "1000000\n",
    "sys/fs/cgroup/memory.swap.max": "0\n",
}
V1 = {
    "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/docker/ab\n",
    "sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "2000000\n",
    "sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes": "1500000\n",
    "sys/fs/cgroup/memory/docker/ab/memory.stat": "total_active_file 10\ntotal_inactive_file 20\n",
    "sys/fs/cgroup/memory/docker/ab/memory.memsw.limit_in_bytes": "2000000\n",
    "sys/fs/cgroup/memory/docker/ab/memory.memsw.usage_in_bytes": "1500000\n",
}
UNLIMITED_V1 = V1 | {"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "9223372036854771712\n"}


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({}, 9_000 * 1024),
        (V2, 1_300_005),
        (CONTAINER, 2_000_000),
        (V1, 500_030),
        (UNLIMITED_V1, 9_000 * 1024),
    ],
)
def test_the_tightest_limit_counts_and_caches_are_free(
    tmp_path: Path, files: dict[str, str], room: int
) -> None:
    assert available_bytes(write(tmp_path, MEMINFO | files), own_limits=False) == room


def test_a_system_that_does_not_tell_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_bytes(tmp_path, own_limits=False) is None
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    check_fits("x", 10**18, "")


def test_this_machine_has_some_memory_free() -> None:
    there = available_bytes()
    assert there is None or there > 10**6


@given(st.integers(1, 500), st.integers(0, 500), st.integers(10, 600))
def test_what_fits_exactly_is_not_refused(train: int, test: int, limit: int) -> None:
    needed = reading_peak(train, test or None, 3072, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available_bytes", lambda: needed)
        check_fits("images", needed, "")
        check_folder_fits("folder", (train, test or None), (32, 32, 3), 1, 32, limit)
        with pytest.raises(DataError):
            check_fits("images", needed + 1, "")


@pytest.mark.parametrize("has_test", [False, True])
def test_the_peak_is_no_more_than_is_really_taken(tmp_path: Path, has_test: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(600) % 3
    arrays = {"x_train": images, "y_train": labels}
    if has_test:
        arrays |= {"x_test": images[:200], "y_test": labels[:200]}
    np.savez(tmp_path / "a.npz", **arrays)
    config = DataConfig(npz=str(tmp_path / "a.npz"))
    load_dataset(config)  # imports are no part of it
    tracemalloc.start()
    try:
        dataset = load_dataset(config)
        make_splits(dataset, config)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    counted = reading_peak(600, 200 if has_test else None, 3072)
    assert 0.6 * taken < counted <= taken


def pictures(folder: Path, side: int, count: int = 4, mode: str = "RGB") -> Path:
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.new(mode, (side, side), i).save(folder / name / f"{i}.png")
    return folder


def test_a_folder_that_does_not_fit_is_refused_before_a_picture_is_decoded(
    tmp_path: Path, free: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path / "f", 100)
    free["bytes"] = 300_000
    monkeypatch.setattr("aebnas.data.readers.folder.read_training_pixels", None)
    with pytest.raises(
        DataError,
        match=r"f: reading 8 images of 100 x 100 x 3 .* takes 480 kB of memory, but 300 kB are free\. "
        r"Make them smaller with data\.image_size, for example data\.image_size: 72",
    ):
        load_dataset(DataConfig(folder=str(folder)))


def test_the_size_that_is_offered_fits(tmp_path: Path, free: dict[str, int]) -> None:
    folder = pictures(tmp_path / "f", 100)
    free["bytes"] = 300_000
    assert load_dataset(DataConfig(folder=str(folder), image_size=72, test_share=0.5)).train.shape[0] == 72


def test_a_single_picture_that_does_not_fit_is_told(tmp_path: Path, free: dict[str, int]) -> None:
    folder = pictures(tmp_path / "f", 10)
    Image.new("RGB", (1000, 1000)).save(folder / "cat" / "huge.png")
    free["bytes"] = 3_000_000
    with pytest.raises(DataError, match=r"One picture of 1,000,000 pixels takes 4 MB: save it smaller"):
        load_dataset(DataConfig(folder=str(folder), image_size=8))


def test_an_npz_that_does_not_fit_is_refused_by_its_header(tmp_path: Path, free: dict[str, int]) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.zeros((40, 50, 50), np.uint8), y_train=np.arange(40) % 2)
    free["bytes"] = 150_000
    with pytest.raises(DataError, match=r"a\.npz: reading 40 images .* takes 200 kB .* 150 kB are free"):
        load_dataset(DataConfig(npz=str(tmp_path / "a.npz")))


def test_an_npz_header_that_promises_too_much_is_refused_without_allocating(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000, 1000), }\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x_train.npy", content)
        archive.writestr("y_train.npy", content)
    with pytest.raises(DataError, match=r"a\.npz: "):
        load_dataset(DataConfig(npz=str(tmp_path / "a.npz")))


@pytest.mark.parametrize("name", ["digits", "fashion_mnist", "cifar10", "cifar100", "svhn"])
def test_a_known_dataset_that_does_not_fit_is_refused_before_it_is_fetched(
    free: dict[str, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free["bytes"] = 100_000
    monkeypatch.setattr("aebnas.data.datasets.obtain", None)
    with pytest.raises(DataError, match=rf"{name}: reading .* images .* takes .* but 100 kB are free"):
        load_dataset(DataConfig(name=name))


def test_memory_that_runs_out_all_the_same_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError("Unable to allocate 3 GiB")

    monkeypatch.setattr("aebnas.data.readers.folder.read_training_pixels", full)
    folder = pictures(tmp_path / "f", 10)
    with pytest.raises(DataError, match=r"f does not fit in memory.* \(Unable to allocate 3 GiB\)"):
        load_dataset(DataConfig(folder=str(folder)))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (99_960_000_000, "100 GB"), (2.5e12, "2.5 TB")],
)
def test_bytes_are_told_in_three_digits(count: float, words: str) -> None:
    assert format_bytes(count) == words


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_idx_file_is_read_no_further_than_its_header_says(tmp_path: Path, is_packed: bool) -> None:
    content = bytes([0, 0, 8, 1, 0, 0, 0, 4]) + bytes(50_000_000 if is_packed else 50)
    (tmp_path / "labels").write_bytes(gzip.compress(content, 1) if is_packed else content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"labels: truncated or damaged: shape \(4,\) needs 4 bytes"):
            read_idx(tmp_path / "labels", 1)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_idx_header_that_promises_too_much_is_refused(tmp_path: Path, free: dict[str, int]) -> None:
    (tmp_path / "images").write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(DataError, match=r"images: its shape .* takes .* TB of memory, but 1 GB are free"):
        read_idx(tmp_path / "images", 3)
