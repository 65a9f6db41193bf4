"""Bytes as text: UTF-8, whatever an editor put in front of it and however it ends its lines."""

from __future__ import annotations

import codecs

_OTHERS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""Byte-order marks of what is no UTF-8; the longer first."""
CURE = "Save it as UTF-8, in an editor or with iconv"


class NoTextError(ValueError):
    """Bytes are no UTF-8 text."""

    def __init__(self, line: int, message: str) -> None:
        """Keep the line, counted from 1."""
        super().__init__(message)
        self.line = line


def text_of(content: bytes) -> str:
    r"""Return the text of a file without a byte-order mark, every line ended by ``\n``.

    Raises:
        NoTextError: It is no UTF-8; says what it is and how to cure it.
    """
    name = encoding_of(content)
    if name is not None:
        raise NoTextError(1, f"is {name} text, not UTF-8. {CURE}: iconv -f {name} -t UTF-8 OLD > NEW")
    try:
        text = content.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        message = f"byte 0x{content[error.start]:02x} is not UTF-8 text. {CURE}"
        raise NoTextError(before.count(b"\n") + 1, message) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(content: bytes) -> str | None:
    """Return ``UTF-16`` or ``UTF-32`` where a mark says so, or where every other byte is 0."""
    for mark, name in _OTHERS:
        if content.startswith(mark):
            return name
    beginning = content[:64]
    for zeros, others in ((beginning[1::2], beginning[::2]), (beginning[::2], beginning[1::2])):
        if len(zeros) >= 2 and not any(zeros) and all(others):
            return "UTF-16"
    return None
