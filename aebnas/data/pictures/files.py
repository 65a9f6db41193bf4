"""Opening one image file: whatever goes wrong inside is told as that file's error.

Image formats are many, and what a damaged file makes their decoders raise is written down nowhere:
``struct.error``, ``NotImplementedError``, ``MemoryError`` and more were seen.  So every exception of a
decoder becomes a ``DataError`` that names the file; Ctrl-C and the like go through.

Must not import torch.
"""

from __future__ import annotations

import logging
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from aebnas.errors import DataError

_LONGEST_REASON = 200


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Yield the image of a file, not yet decoded; inside, every error of a decoder is told as the file's.

    Raises:
        DataError: Not a file, not an image, damaged, or refused as too large.
    """
    with decoding(str(path)):
        _refuse_special(path)
        # by its path, Pillow would map it into memory: TIFFs that lie on their side then come out wrong
        with path.open("rb") as file, Image.open(file) as image:
            yield image


@contextmanager
def decoding(where: str = "") -> Iterator[None]:
    """Turn whatever is raised inside into a ``DataError``; ``where`` comes first in its message.

    Raises:
        DataError: Something was raised.
    """
    prefix = f"{where}: " if where else ""
    try:
        with _quiet_log(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata of a picture that can be read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError as error:
        raise DataError(f"{prefix}{error}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{prefix}refused, it could be a decompression bomb ({reason(error)}). Save it smaller."
        ) from error
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise DataError(f"{prefix}{error.strerror or reason(error)}") from error
    except MemoryError as error:
        raise DataError(f"{prefix}not enough memory to decode it. Save it smaller, or remove it.") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{prefix}not a readable image (no format that Pillow knows). Remove or replace it."
        ) from error
    except Exception as error:  # decoders raise whatever a damaged file makes them stumble over
        raise DataError(f"{prefix}not a readable image ({reason(error)}). Remove or replace it.") from error


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep Pillow from writing to the terminal what it raises as well."""
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def _refuse_special(path: Path) -> None:
    """Refuse what is no plain file: reading a pipe or a device could wait for ever, or never end."""
    if path.is_symlink() and not path.exists():
        raise DataError(f"a link to a file that is not there ({path.readlink()}). Remove it.")
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise DataError("a folder, not an image file")
    if not stat.S_ISREG(mode):
        raise DataError("a pipe, socket or device, not an image file")


def reason(error: Exception) -> str:
    """Return the first line of what an exception says, of sane length; its name if it says nothing."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    first = (said.strip().splitlines() or [""])[0]
    text = "".join(character if character.isprintable() else "?" for character in first)
    return text[:_LONGEST_REASON] or type(error).__name__
