"""Damaged images of every format that Pillow opens: read, or told as that file's error, and nothing else."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from data.picture_seeds import SEEDS
from PIL import Image, ImageFile

from aebnas.data.pictures import read_header, read_pixels
from aebnas.errors import DataError

SAMPLE, MANY = 200, 5000
DECODED_BY_PILLOW = ("ico", "ico bitmap")
"""Kinds that Pillow itself decodes while it opens them: icons are small."""


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a file with some bytes flipped, cut out or put in, mostly near its beginning."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        where = int(len(changed) * rng.random() ** rng.choice((1, 4)))
        way = rng.choice(("flip", "flip", "set", "cut", "end", "insert"))
        if way == "flip" and changed:
            changed[min(where, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif way == "set":
            changed[where : where + 4] = rng.choice(
                (b"\xff" * 4, b"\0" * 4, b"\0\0\x7f\xff", rng.randbytes(4))
            )
        elif way == "cut":
            del changed[where : where + rng.randint(1, 64)]
        elif way == "end":
            del changed[max(where, 8) :]
        else:
            changed[where:where] = rng.randbytes(rng.randint(1, 16))
    return bytes(changed)


def cases(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` damaged files, of all kinds in turn."""
    rng, names = random.Random(19), list(SEEDS)
    seeds = {name: make() for name, make in SEEDS.items()}
    for i in range(count):
        yield names[i % len(names)], damaged(seeds[names[i % len(names)]], rng)


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
    return "told"


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


def type_of(name: str) -> type:
    factory = Image.OPEN[name][0]
    return factory if isinstance(factory, type) else ImageFile.ImageFile


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
    assert outcomes.count("told") > MANY // 10
