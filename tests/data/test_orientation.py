"""Which way up pictures are: as every viewer shows them, whatever else their metadata say."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from data.picture_seeds import chunk
from PIL import Image

from aebnas.data.pictures.pixels import read_header, read_pixels

ORIENTATION = 0x0112
MARK = np.zeros((8, 16), np.uint8)
MARK[:4, :4] = 200
TURNED = {
    1: MARK, 2: MARK[:, ::-1], 3: MARK[::-1, ::-1], 4: MARK[::-1], 5: MARK.T,
    6: np.rot90(MARK, -1), 7: np.rot90(MARK, 2).T, 8: np.rot90(MARK),
}  # fmt: skip
TYPES = {name: kind for kind, name in enumerate(
    ("none", "byte", "ascii", "short", "long", "rational", "sbyte", "undefined", "sshort", "slong",
     "srational", "float", "double", "ifd"))}  # fmt: skip


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return EXIF of (tag, type, count, value of 4 bytes), little-endian, whatever they say."""
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3].ljust(4, b"\0")[:4] for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


def saved(path: Path, kind: str, content: bytes) -> Path:
    options = (
        {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    )
    Image.fromarray(MARK).save(path, kind, exif=content, **options)
    return path


def shown(path: Path) -> np.ndarray:
    """Return where the picture is bright; its header must tell its shape."""
    header = read_header(path)
    pixels = read_pixels(path, None, 1)[..., 0]
    assert pixels.shape == (header.height, header.width)
    return pixels > 100


def is_shown_as(path: Path, orientation: int) -> bool:
    return np.array_equal(shown(path), TURNED[orientation] > 100)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "MPO"])
@pytest.mark.parametrize("orientation", TURNED)
def test_every_orientation_is_applied(tmp_path: Path, kind: str, orientation: int) -> None:
    path = saved(tmp_path / "1", kind, exif((ORIENTATION, TYPES["short"], 1, bytes([orientation]))))
    assert is_shown_as(path, orientation)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
@pytest.mark.parametrize("orientation", TURNED)
def test_every_orientation_of_a_tiff_is_applied_once(
    tmp_path: Path, compression: str, orientation: int
) -> None:
    Image.fromarray(MARK).save(
        tmp_path / "1", "TIFF", compression=compression, tiffinfo={ORIENTATION: orientation}
    )
    assert is_shown_as(tmp_path / "1", orientation)


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", [b"eXIf", b"zTXt", b"iTXt"])
def test_every_orientation_that_stands_behind_the_pixels_of_a_png_is_applied(
    tmp_path: Path, orientation: int, name: bytes
) -> None:
    content = exif((ORIENTATION, TYPES["short"], 1, bytes([orientation])))[6:]
    note = {
        b"eXIf": content,
        b"zTXt": b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  38\n" + content.hex().encode()),
        b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + b'<x tiff:Orientation="%d"/>' % orientation,
    }[name]
    path = tmp_path / "1.png"
    Image.fromarray(MARK).save(path)
    plain = path.read_bytes()
    end = plain.index(b"IEND") - 4
    path.write_bytes(plain[:end] + chunk(name, note) + plain[end:])
    assert is_shown_as(path, orientation)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_an_orientation_of_any_type_refuses_no_picture(
    tmp_path: Path, kind: str, type_name: str, count: int
) -> None:
    path = saved(tmp_path / "1", kind, exif((ORIENTATION, TYPES[type_name], count, b"\x06")))
    assert is_shown_as(path, 1) or is_shown_as(path, 6)
    if type_name in ("short", "long") and count == 1:
        assert is_shown_as(path, 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("tag", [0x010F, 0x011A, 0x0128, 0x0132, 0x8769, 0x8825, 0x9286, 0xA005, 0x927C])
def test_other_tags_of_any_type_refuse_no_picture(
    tmp_path: Path, kind: str, type_name: str, tag: int
) -> None:
    entries = sorted(
        [(ORIENTATION, TYPES["short"], 1, b"\x06"), (tag, TYPES[type_name], 3, b"\xff\xfe\xfd\xfc")]
    )
    path = saved(tmp_path / "1", kind, exif(*entries))
    assert is_shown_as(path, 6) or (is_shown_as(path, 1) and tag < ORIENTATION)  # Pillow may stop there


def tiff(is_packed: bool, *more: tuple[int, int, int, bytes]) -> bytes:
    """Return a TIFF of the mark with further entries, whatever they say."""
    pixels = zlib.compress(MARK.tobytes()) if is_packed else MARK.tobytes()
    values = {
        256: 16, 257: 8, 258: 8, 259: 8 if is_packed else 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: len(pixels),
        ORIENTATION: 6,
    }  # fmt: skip
    plain = ((tag, TYPES["long"], 1, struct.pack("<I", value)) for tag, value in values.items())
    entries = sorted([*plain, *more])
    body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    return head + pixels + struct.pack("<H", len(entries)) + body + bytes(4)


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize(
    "tag", [0x0131, 0x011A, 0x0132, 0x014A, 0x02BC, 0x8769, 0x8825, 0xA005, 0x83BB, 0x8773]
)
def test_other_tags_of_a_tiff_refuse_no_picture(
    tmp_path: Path, tag: int, type_name: str, is_packed: bool
) -> None:
    (tmp_path / "1").write_bytes(tiff(is_packed, (tag, TYPES[type_name], 1, b"\xf0\xff\xff\0")))
    assert is_shown_as(tmp_path / "1", 6)


@pytest.mark.parametrize(
    "content", [b"", b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0XX*\0\x08\0\0\0", b"\xff" * 40]
)
def test_broken_metadata_refuse_no_picture(tmp_path: Path, content: bytes) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        buffer = io.BytesIO()
        Image.fromarray(MARK).save(
            buffer, kind, exif=content, **({"lossless": True} if kind == "WEBP" else {})
        )
        (tmp_path / "1").write_bytes(buffer.getvalue())
        assert is_shown_as(tmp_path / "1", 1)
