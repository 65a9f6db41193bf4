"""Disks that are full: recognised before writing where it can be, and told with what is needed and where.

Must not import torch.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aebnas.errors import RunError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a quota, and a limit on the size of files."""


def check_room(folder: Path, needed: int, cure: str) -> None:
    """Refuse to begin what the disk of an existing folder has no room for.

    Args:
        folder: Where it will be written.
        needed: Bytes.
        cure: What helps, as a sentence.

    Raises:
        RunError: Less is free.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(f"{_needs(folder, needed)}, but only {megabytes(free)} are free. {cure}")


@contextmanager
def naming_full_disk(folder: Path, needed: int, cure: str) -> Iterator[None]:
    """Turn what writing to a folder raises into an error that says how much is needed, and where.

    Args:
        folder: Where something is written.
        needed: Bytes that are still to be written.
        cure: What helps, as a sentence.

    Raises:
        RunError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in FULL:
            raise RunError(f"{_needs(folder, needed)}, but: {reason}. {cure}") from error
        raise RunError(f"cannot write to {folder}: {reason}") from error


def _needs(folder: Path, needed: int) -> str:
    return f"{megabytes(needed)} more are needed in {folder}"


def megabytes(size: int) -> str:
    """Return bytes in millions, ``410.0 MB``."""
    return f"{size / 1e6:,.1f} MB"
