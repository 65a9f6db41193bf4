"""Locks of single files that a process waits for: whoever comes second goes on when the first is done.

The operating system holds them (``filelock``) and drops them with the process that took them, however it
ended.  The file stays: another process may have it open.  Where there are no such locks (some network file
systems) everybody holds them at once; so what they guard has to be written whole or not at all anyway, and
work is then done twice, not wrongly.

Must not import torch.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
"""What a file system without locks answers."""
POLL_SECONDS = 0.02


@contextmanager
def held(path: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a file; yield whether it is held.

    Waiting ends with Ctrl-C as anything does.

    Args:
        path: Of the lock's own file, made where it is missing.
        wait: Wait for whoever has it; else yield False at once.

    Raises:
        OSError: The file cannot be made.
    """
    # a soft lock, a mere file, would outlive a killed process
    lock = FileLock(path, timeout=-1 if wait else 0, fallback_to_soft=False)
    try:
        yield _take(lock)
    finally:
        lock.release()


def _take(lock: FileLock) -> bool:
    try:
        lock.acquire(poll_interval=POLL_SECONDS)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True
