"""Locks of single files that a process waits for: whoever comes second goes on when the first is done.

The operating system holds them (``flock``) and drops them with the process that took them, however it ended.
The file stays: another process may have it open.  Where there are no such locks (Windows, some network file
systems) everybody holds them at once; so what they guard has to be written whole or not at all anyway, and
work is then done twice, not wrongly.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a file; yield whether it is held.

    Args:
        path: Of the lock's own file, made where it is missing; its folder exists.
        wait: Wait for whoever has it; else yield False at once.

    Raises:
        OSError: The file cannot be made.
    """
    with path.open("a") as file:
        yield _take(file.fileno(), wait)


def _take(handle: int, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # ENOLCK, ENOTSUP: a file system without locks
        return True
    return True
