"""Which way up a picture is shown, as its metadata (EXIF or XMP) say; damaged metadata say nothing.

Pillow's ``ImageOps.exif_transpose`` writes the metadata anew and fails where a tag has an unusual type,
though every viewer shows such a picture; and its ``getexif`` decodes a whole PNG, because the tag may stand
behind the pixels.  Here a picture is only turned, and a PNG's chunks are read without its pixels.

Must not import torch.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from contextlib import suppress
from typing import IO

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

_TAG = 0x0112
_WIDTH, _HEIGHT = 256, 257
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)
"""Orientations whose width is shown as height."""
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_PNG_NAME = re.compile(rb"[A-Za-z]{4}")


def decode(image: Image.Image) -> None:
    """Decode an opened picture as it lies in its file.

    Pillow turns TIFFs while it decodes them, and fails where any of their metadata lead nowhere.
    """
    if isinstance(image, TiffImageFile):
        _orientation(image)  # Pillow remembers it; afterwards the file may be closed

        def leave_as_it_lies() -> None:
            image._size = image.im.size

        image.load_end = leave_as_it_lies  # type: ignore[method-assign]
    image.load()


def upright(picture: Image.Image, source: Image.Image) -> Image.Image:
    """Return a decoded picture as it is shown; ``source`` is what it was made of, with the metadata."""
    turn = _TURNS.get(_orientation(source))
    return picture if turn is None else picture.transpose(turn)


def shown_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height as they are shown, of a picture that was opened and not decoded."""
    width, height = image.size
    if image.format == "TIFF":  # newer versions of Pillow have turned the size already
        tags = getattr(image, "tag_v2", {})
        width, height = tags.get(_WIDTH, width), tags.get(_HEIGHT, height)
    orientation = _png_orientation(image) if image.format == "PNG" else _orientation(image)
    return (height, width) if orientation in _LYING else (width, height)


def _orientation(image: Image.Image) -> int:
    """Return 1 to 8; 1 where nothing valid is said."""
    for _ in range(2):  # the second time Pillow answers with what it had read before it stumbled
        with suppress(Exception):  # the picture itself may be sound
            # Image's own: a PNG's would decode it
            value = Image.Image.getexif(image).get(_TAG, 1)
            return int(value) if value in _TURNS else 1
    return 1


def _png_orientation(image: Image.Image) -> int:
    """Return what the notes of a PNG say, those behind the pixels included; its file stays where it was."""
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is None:
        return _orientation(image)
    place = file.tell()
    try:
        brief = _notes_alone(file, is_animated=getattr(image, "is_animated", False))
        with Image.open(io.BytesIO(brief), formats=("PNG",)) as notes:
            return _orientation(notes)
    except Exception:  # the picture itself may be sound
        return _orientation(image)
    finally:
        file.seek(place)


def _notes_alone(file: IO[bytes], is_animated: bool) -> bytes:
    """Return a PNG with the header and notes of another, and no pixels."""
    file.seek(len(_PNG_SIGNATURE))
    parts, is_behind_pixels = [_PNG_SIGNATURE], False
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND" or not _PNG_NAME.fullmatch(name):
            break
        if is_behind_pixels and is_animated and name == b"fcTL":  # the next frame begins
            break
        is_behind_pixels |= name == b"IDAT"
        if name == b"IHDR" or name in _PNG_NOTES:
            parts.append(_chunk(name, file.read(length)))
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
    return b"".join([*parts, _chunk(b"IDAT", b"")])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
