"""Damaged images of every format that Pillow opens: read, or told as that file's error, and nothing else."""

import logging
import time
from pathlib import Path

import pytest
from data.damaged_files import cases
from data.picture_seeds import SEEDS, picture
from PIL import Image, ImageFile

from aebnas.data.pictures.pixels import read_header, read_pixels
from aebnas.data.readers.folder import read_folder
from aebnas.errors import DataError

SAMPLE, MANY = 200, 5000
DECODED_BY_PILLOW = ("ico", "ico bitmap")
"""Kinds that Pillow itself decodes while it opens them: icons are small."""


def outcome(path: Path) -> str:
    """Return what became of a file; anything but pixels or a ``DataError`` that names it raises."""
    try:
        header = read_header(path)
        shapes = [read_pixels(path, (8, 8), channels, 16).shape for channels in (1, 3)]
    except DataError as error:
        message = str(error)
    else:
        assert min(header.width, header.height) > 0
        assert shapes == [(8, 8, 1), (8, 8, 3)]
        return "read"
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return "output"


def test_there_is_a_seed_of_every_format() -> None:
    Image.init()
    names = {name.split()[0].upper() for name in SEEDS}
    spelled = {
        "GIMP": "GBR",
        "PHOTO": "PCD",
        "FLIC": "FLI",
        "XV": "XVTHUMB",
        "PHOTOSHOP": "PSD",
        "METAFILE": "WMF",
    }
    known = {spelled.get(name, name) for name in names} | {"IMT", "PPM"}
    assert set(Image.OPEN) <= known | {"IM"}


@pytest.mark.parametrize("name", SEEDS)
def test_a_sound_file_of_every_kind_is_read_in_the_size_of_its_header_or_told(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(SEEDS[name]())
    if outcome(path) == "read":
        header = read_header(path)
        assert read_pixels(path, None, 3, 16).shape == (header.height, header.width, 3)


@pytest.mark.parametrize("name", [name for name in SEEDS if name not in DECODED_BY_PILLOW])
def test_a_header_is_read_without_decoding(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture"
    path.write_bytes(SEEDS[name]())
    expected = outcome(path), (read_header(path) if outcome(path) == "read" else None)

    def decoded(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    for kind in {ImageFile.ImageFile, *map(type_of, Image.OPEN)}:
        monkeypatch.setattr(kind, "load", decoded)
    monkeypatch.setattr(Image, "_getdecoder", decoded)
    if expected[1] is not None:
        assert read_header(path) == expected[1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF"])
def test_reading_a_folder_decodes_every_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(3):
            picture("RGB").save(tmp_path / name / f"{i}", kind)
    decoded: list[str] = []
    make = Image._getdecoder
    monkeypatch.setattr(
        Image, "_getdecoder", lambda *given, **named: decoded.append("") or make(*given, **named)
    )
    read_folder(tmp_path, None)
    assert len(decoded) == 6


def type_of(name: str) -> type:
    factory = Image.OPEN[name][0]
    return factory if isinstance(factory, type) else ImageFile.ImageFile


def test_what_pillow_logs_beside_what_it_raises_does_not_reach_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(image: Image.Image) -> None:
        logging.getLogger("PIL.PngImagePlugin").error("damaged")
        raise OSError("damaged")

    path = tmp_path / "1.png"
    picture("L").save(path)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", failing)
    level = logging.getLogger("PIL").level
    assert outcome(path) == "output"
    assert not caplog.records
    assert logging.getLogger("PIL").level == level


def test_damaged_files_are_read_or_told(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    for _, content in cases(SAMPLE):
        path.write_bytes(content)
        outcome(path)


@pytest.mark.slow
def test_5000_damaged_files_are_read_or_told(tmp_path: Path) -> None:
    path, outcomes, slowest = tmp_path / "picture", list[str](), (0.0, "", b"")
    for name, content in cases(MANY):
        path.write_bytes(content)
        began = time.perf_counter()
        outcomes.append(outcome(path))
        slowest = max(slowest, (time.perf_counter() - began, name, content))
    print(f"slowest: {slowest[1]}, {slowest[0]:.3f} s; read {outcomes.count('read')} of {len(outcomes)}")
    assert outcomes.count("read") > MANY // 10  # not all damage is in the header
    assert outcomes.count("output") > MANY // 10
