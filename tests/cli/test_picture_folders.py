"""`aebnas check` and `search` on folders of pictures: both refuse the same, with one sentence and code 3."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import aebnas
from PIL import Image

FILE = """
name: pictures
data: {folder: DATA}
space:
  resolution: 16
  stem: {kernel: 3, stride: 1, width: 8}
  stages: [{depth: 1, width: [8, 12], block: {type: conv, kernel: 3}}]
training: {epochs: 1}
search: {population: 2, max_trainings: 2}
workers: {mode: serial}
"""


def put(folder: Path, shade: int = 1, count: int = 20) -> None:
    for i, name in enumerate("ab"):
        (folder / name).mkdir(parents=True)
        for j in range(count):
            pixels = np.full((16, 16), shade * 50 + i * 20, np.uint8)
            pixels[0, j % 16] = j
            Image.fromarray(pixels).save(folder / name / f"{j}.png")


def not_utf8(data: Path) -> None:
    (data / "a").rename(data / os.fsdecode(b"caf\xe9"))


def line_break(data: Path) -> None:
    (data / "a").rename(data / "a\x85b")


def cut_files(data: Path) -> None:
    for i in range(3):
        path = data / "a" / f"{i}.png"
        path.write_bytes(path.read_bytes()[:45])


def texture(data: Path) -> None:
    (data / "a" / "0.dds").write_bytes(b"DDS " + (124).to_bytes(4, "little") + bytes(120))


def two_trains(data: Path) -> None:
    for name in ("train", "Train"):
        put(data / "parts" / name)
    for name in "ab":
        (data / name).rename(data.parent / f"old {name}")
    for name in ("train", "Train"):
        (data / "parts" / name).rename(data / name)
    (data / "parts").rmdir()


def sixteen_bit_colours(data: Path) -> None:
    head = b"P6\n16 16\n65535\n"
    (data / "a" / "0.ppm").write_bytes(head + np.full(16 * 16 * 3, 100, ">u2").tobytes())


WRONG: dict[Callable[[Path], None], str] = {
    not_utf8: "is not UTF-8 text",
    line_break: "has a line break",
    cut_files: "3 problems",
    texture: "0.dds: not a readable image",
    two_trains: "Train/ and train/ are names of one part",
    sixteen_bit_colours: "16-bit colours of which at most 255 of 65,535",
}


def commands(tmp_path: Path) -> list[tuple[int, str]]:
    """Return exit code and errors of check and search, in that order."""
    file = tmp_path / "file.yaml"
    file.write_text(FILE.replace("DATA", str(tmp_path / "data")))
    answers = [aebnas("check", file, "--samples", 5), aebnas("search", file, "--runs", tmp_path / "runs")]
    return [(answer.code, answer.err) for answer in answers]


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_used_is_refused_at_the_beginning_by_both(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    put(tmp_path / "data")
    spoil(tmp_path / "data")
    checked, searched = commands(tmp_path)
    assert checked == searched
    assert checked[0] == 3
    assert WRONG[spoil] in checked[1]
    assert not (tmp_path / "runs").exists()


def test_a_class_folder_that_may_not_be_read_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "data")
    listing = Path.iterdir

    def refusing(path: Path) -> object:
        if path == tmp_path / "data" / "b":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    checked, searched = commands(tmp_path)
    assert checked == searched
    assert checked[0] == 3
    assert f"{tmp_path / 'data' / 'b'}: the folder cannot be read (Permission denied)" in checked[1]


def test_what_val_serves_as_is_said_in_one_line(tmp_path: Path) -> None:
    for shade, name in enumerate(("train", "val", "test")):
        put(tmp_path / "data" / name, shade)
    file = tmp_path / "file.yaml"
    file.write_text(FILE.replace("DATA", str(tmp_path / "data")))
    said = aebnas("check", file, "--samples", 5).out
    assert said.count("Note: val/ is the select split; train/ is divided into train and calibrate.") == 1
    assert "36 train, 4 calibrate, 40 select, 40 test" in said


@pytest.mark.parametrize("field", ["data.folder", "data.npz", "hardware", "supernet.file"])
def test_a_path_that_no_run_can_keep_is_refused_at_the_beginning_by_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    place = tmp_path / os.fsdecode(b"w\xe9")
    put(place / "data")
    monkeypatch.chdir(place)
    text = FILE.replace("DATA", str(tmp_path / "data") if field != "data.folder" else "data")
    if field == "data.npz":
        text = text.replace("folder:", "npz:").replace(str(tmp_path / "data"), "data.npz")
    if field == "hardware":
        text += "hardware: [device.yaml]\n"
    if field == "supernet.file":
        text += "supernet: {file: supernet}\nevaluation: {fidelities: [inherited]}\n"
    (tmp_path / "file.yaml").write_text(text)
    checked = aebnas("check", tmp_path / "file.yaml", "--samples", 5)
    searched = aebnas("search", tmp_path / "file.yaml", "--runs", tmp_path / "runs")
    assert (checked.code, checked.err) == (searched.code, searched.err)
    assert checked.code == 2
    assert f"aebnas: {field}: the path '{tmp_path}/w\\udce9/" in checked.err
    assert "is not UTF-8 text" in checked.err


def test_a_run_where_no_training_could_write_its_name_is_refused_before_it_begins(tmp_path: Path) -> None:
    put(tmp_path / "data")
    file = tmp_path / "file.yaml"
    file.write_text(FILE.replace("DATA", str(tmp_path / "data")))
    answer = aebnas("search", file, "--runs", tmp_path / os.fsdecode(b"r\xe9"))
    assert answer.code == 2
    assert "the run: the path" in answer.err
    assert not (tmp_path / os.fsdecode(b"r\xe9")).exists()
