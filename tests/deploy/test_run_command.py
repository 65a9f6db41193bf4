"""`aebnas run`: every file is answered or told about, and the others go on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.conftest import aebnas
from PIL import Image
from training.small_training import digits

Save = Callable[[Path], None]


def digit(number: int = 0) -> np.ndarray:
    return digits().select.pixels[number, :, :, 0]


def enlarged(mode: str = "L") -> Image.Image:
    return Image.fromarray(digit()).resize((64, 64), Image.Resampling.NEAREST).convert(mode)


def sixteen_bit(path: Path) -> None:
    Image.fromarray(digit().astype(np.uint16) * 257).save(path)


def palette(path: Path) -> None:
    Image.fromarray(digit()).quantize(256).save(path)


def transparent(path: Path) -> None:
    """Black, its transparency the negative of the digit: over white, the digit's negative."""
    alpha = Image.new("RGBA", (8, 8))
    alpha.putalpha(Image.fromarray(digit()))
    alpha.save(path)


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate by 90 degrees clockwise to show"
    Image.fromarray(np.rot90(digit()).copy()).save(path, exif=exif)


def bomb(path: Path) -> None:
    """A header that promises 40,000 x 40,000 pixels."""
    Image.new("1", (40_000, 40_000)).save(path)


GOOD: dict[str, Save] = {
    "grey.png": lambda path: Image.fromarray(digit()).save(path),
    "large.png": lambda path: enlarged().save(path),
    "colour.bmp": lambda path: enlarged("RGB").save(path),
    "printed.tiff": lambda path: enlarged("CMYK").save(path),
    "palette.gif": palette,
    "sixteen.png": sixteen_bit,
    "turned.png": turned,
    "wide.png": lambda path: Image.fromarray(np.pad(digit(), ((0, 0), (8, 8)), constant_values=9)).save(path),
}
BAD: dict[str, Save] = {
    "empty.png": lambda path: path.write_bytes(b""),
    "text.jpg": lambda path: path.write_text("no image"),
    "cut.png": lambda path: path.write_bytes(_png()[: len(_png()) // 2]),
    "float.tiff": lambda path: Image.fromarray(digit().astype(np.float32)).save(path),
    "bomb.png": bomb,
}


def _png() -> bytes:
    import io

    buffer = io.BytesIO()
    enlarged().save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for name, save in (GOOD | BAD).items():
        save(folder / name)
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_good_files_are_answered_and_bad_ones_told_with_exit_code_3(
    exported: Path, folder: Path, batch_size: int
) -> None:
    answer = aebnas("run", exported, folder, "--json", "--batch-size", batch_size)
    found = {Path(one["file"]).name: one for one in lines(answer.out)}
    assert answer.code == 3
    assert list(found) == sorted(GOOD | BAD)
    assert {name for name, one in found.items() if "error" in one} == set(BAD)
    assert all(found[name]["error"].startswith(f"{folder / name}: ") for name in BAD)
    assert len({found[name]["label"] for name in GOOD}) == 1


def test_equal_pixels_get_equal_answers_whatever_the_file(exported: Path, folder: Path) -> None:
    same = ("grey.png", "sixteen.png", "turned.png", "wide.png")
    found = lines(aebnas("run", exported, *(folder / name for name in same), "--json").out)
    assert len({one["confidence"] for one in found}) == 1


def test_a_bomb_is_refused_before_it_is_decoded(exported: Path, folder: Path) -> None:
    answer = aebnas("run", exported, folder / "bomb.png")
    assert answer.code == 3
    assert "could be a decompression bomb" in answer.err


def test_transparency_is_laid_over_white(exported: Path, tmp_path: Path) -> None:
    transparent(tmp_path / "transparent.png")
    Image.fromarray(255 - digit()).save(tmp_path / "white.png")
    found = lines(aebnas("run", exported, tmp_path, "--json").out)
    assert found[0]["confidence"] == pytest.approx(found[1]["confidence"], abs=0.02)
    assert found[0]["label"] == found[1]["label"]


def test_all_good_files_end_with_0_and_a_summary(exported: Path, folder: Path) -> None:
    answer = aebnas("run", exported, folder / "grey.png", folder / "large.png")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0].startswith(f"{folder / 'grey.png'}: ")
    assert answer.out.splitlines()[-1].startswith("2 images classified; left at stage1 ")


def test_a_missing_file_and_an_empty_folder_are_told_and_the_rest_goes_on(
    exported: Path, folder: Path, tmp_path: Path
) -> None:
    answer = aebnas("run", exported, tmp_path / "nowhere.png", tmp_path, folder / "grey.png")
    assert answer.code == 3
    assert f"aebnas: {tmp_path / 'nowhere.png'}: No such file or directory" in answer.err
    assert f"aebnas: {tmp_path}: no files in this folder" in answer.err
    assert "1 image classified" in answer.out


def test_hidden_files_and_clutter_of_a_folder_are_left_out(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "sub/Thumbs.db").write_text("x")
    Image.fromarray(digit()).save(tmp_path / "sub/digit.png")
    found = lines(aebnas("run", exported, tmp_path, "--json").out)
    assert [one["file"] for one in found] == [str(tmp_path / "sub/digit.png")]


def test_a_damaged_picture_that_libraries_warn_of_prints_one_line(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.tiff"
    enlarged().save(path)
    path.write_bytes(path.read_bytes().replace(b"\x00\x01\x04\x00\x01", b"\x00\x01\x07\x00\xff", 1)[:200])
    words = [sys.executable, "-m", "aebnas", "run", exported, path]
    answer = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "always"}
    )
    assert answer.returncode == 3
    assert len(answer.stderr.splitlines()) == 1
