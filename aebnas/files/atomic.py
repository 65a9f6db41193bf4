"""Files that appear whole or not at all: on a full disk, after a kill, the old one stays.

Whoever writes a file for the user writes it through here.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 255
"""Bytes of a file's name, on all file systems that matter."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there; the one before stays until then.

    Raises:
        OSError: It cannot be written.
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together, in their order: none is replaced before all are on the disk.

    A pipe or a device, such as /dev/stdout, is written to.

    Raises:
        OSError: One cannot be written; all are as before.
    """
    places = {path: Path(os.path.realpath(path)) for path in contents if not _is_device(path)}
    try:
        for path, target in places.items():
            _fill(_draft(target), contents[path])
        for target in places.values():
            _settle(_draft(target), target)
    except BaseException:
        for target in places.values():
            _forget(_draft(target))
        raise
    for path in contents.keys() - places.keys():
        path.write_bytes(contents[path])


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it becomes the file at the end, and is deleted if writing failed.

    A link stays a link: what it points to is replaced.

    Raises:
        OSError: It cannot be brought to its place.
    """
    target = Path(os.path.realpath(path))
    draft = _draft(target)
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        _settle(draft, target)
    except BaseException:
        _forget(draft)
        raise


def append_whole(path: Path, content: bytes) -> None:
    """Add to the end of a file; what could be added in part only is taken back.

    Raises:
        OSError: It cannot be written; the file is as before.
    """
    with path.open("ab", buffering=0) as file:  # nothing is held back that closing would write
        size = os.fstat(file.fileno()).st_size
        left = memoryview(content)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            os.ftruncate(file.fileno(), size)
            raise


def _fill(draft: Path, content: bytes) -> None:
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(draft: Path, target: Path) -> None:
    """Bring a whole draft to its place, with the rights that the old file had."""
    with contextlib.suppress(OSError):
        draft.chmod(stat.S_IMODE(target.stat().st_mode))
    draft.replace(target)


def _forget(draft: Path) -> None:
    with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)


def _draft(target: Path) -> Path:
    """Return ``.NAME.new`` beside a file; of a long name the end."""
    room = LONGEST_NAME - len(b"..new")
    return target.with_name(f".{os.fsdecode(os.fsencode(target.name)[-room:])}.new")


def _is_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
