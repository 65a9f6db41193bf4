"""What is wrong with many files is told at once: up to twenty, and how many more."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aebnas.data.readers.folder import read_folder
from aebnas.errors import DataError

Break = Callable[[Path], object]
NOISE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def cut(path: Path) -> None:
    """A sound header, and half of the pixels."""
    Image.fromarray(NOISE).save(path)
    path.write_bytes(path.read_bytes()[:120])


BROKEN: dict[str, Break] = {
    "text": lambda path: path.write_text("no image"),
    "empty": lambda path: path.touch(),
    "cut": cut,
    "size": lambda path: Image.new("RGB", (5, 8)).save(path),
    "mode": lambda path: Image.new("F", (8, 8)).save(path, "TIFF"),
    "link": lambda path: path.symlink_to("nowhere.png"),
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of thirty sound pictures."""
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(30):
            Image.fromarray(NOISE).save(tmp_path / name / f"{i:02d}.png")
    return tmp_path


def output(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read_folder(folder, None)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("kind", BROKEN)
def test_one_broken_file_is_one_line_with_its_name(folder: Path, kind: str) -> None:
    (folder / "b" / "07.png").unlink()
    BROKEN[kind](folder / "b" / "07.png")
    (line,) = output(folder)
    assert line.startswith(f"{folder / 'b' / '07.png'}: ")


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("count", [2, 20, 21, 29])
def test_many_broken_files_are_told_up_to_twenty_with_their_count(
    folder: Path, kind: str, count: int
) -> None:
    for i in range(count):
        path = folder / "ab"[i % 2] / f"{i:02d}.png"
        path.unlink()
        BROKEN[kind](path)
    lines = output(folder)
    assert lines[0] == f"{folder}: {count} problems:"
    assert sum(line.startswith(str(folder)) for line in lines[1:]) == min(count, 20)
    assert (f"... and {count - 20} more" in lines) == (count > 20)


def test_files_that_are_broken_in_different_ways_are_told_together(folder: Path) -> None:
    kinds = [kind for kind in BROKEN if kind != "folder"]  # told before any file is opened
    for kind in kinds:
        BROKEN[kind](folder / "a" / f"{kind}.png")
    text = "\n".join(output(folder))
    assert f"{len(kinds)} problems" in text
    assert all(f"{kind}.png: " in text for kind in kinds)
    assert text.count("data.image_size") == 2  # the cure of all differing sizes is told once


def test_the_size_of_most_files_is_the_one_that_is_expected(folder: Path) -> None:
    Image.new("RGB", (5, 8)).save(folder / "a" / "00.png")
    (line,) = output(folder)
    assert line.startswith(
        f"{folder / 'a' / '00.png'}: 5 x 8 pixels, but {folder / 'a' / '01.png'} has 8 x 8."
    )


@pytest.mark.parametrize(("side", "suggested"), [(2, 4), (5, 5), (2000, 8)])
def test_the_suggested_size_is_one_that_is_allowed(folder: Path, side: int, suggested: int) -> None:
    Image.new("RGB", (side, side)).save(folder / "a" / "00.png")
    assert output(folder)[0].endswith(f"for example data.image_size: {suggested}.")


def test_folders_that_are_empty_nested_or_no_folders_are_told_together(folder: Path) -> None:
    for name in ("empty", "nothing", "a/inner"):
        (folder / name).mkdir()
    (folder / "labels.csv").touch()
    text = "\n".join(output(folder))
    for part in (
        "4 problems",
        "class 'empty' has 0",
        "class 'nothing' has 0",
        "a/inner: a folder",
        "labels.csv: a file",
    ):
        assert part in text


def test_pixels_that_differ_from_their_header_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import aebnas.data.readers.folder as module

    read = module.read_training_pixels
    monkeypatch.setattr(module, "read_training_pixels", lambda path, *rest: read(path, *rest)[1:])
    assert "header says 8 x 8 pixels, but it decodes to 8 x 7" in output(folder)[1]


@pytest.mark.parametrize("what", ["iterdir", "is_dir"])
@pytest.mark.parametrize("place", ["", "a"])
def test_a_folder_that_may_not_be_read_is_an_error_of_the_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, place: str
) -> None:
    locked, plain = folder / place, getattr(Path, what)

    def refusing(path: Path) -> object:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(Path, what, refusing)
    assert output(folder)[0].startswith(f"{locked}: the folder cannot be read (Permission denied)")


def test_control_c_while_reading_is_not_a_broken_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(image: Image.Image) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read_folder(folder, None)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RecursionError("deep"), NotImplementedError("kind"), OverflowError(), AssertionError()],
)
def test_whatever_a_decoder_raises_is_the_error_of_that_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from PIL.PngImagePlugin import PngImageFile

    load = PngImageFile.load

    def failing(image: PngImageFile) -> object:
        if str(getattr(image.fp, "name", "")).endswith("a/03.png"):
            raise error
        return load(image)

    monkeypatch.setattr(PngImageFile, "load", failing)
    (line,) = output(folder)
    assert line.startswith(f"{folder / 'a' / '03.png'}: not ")
