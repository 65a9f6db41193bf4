"""The lock of a run directory: one process writes, any number read.

The operating system holds it on the file ``lock`` (``filelock``) and drops it with the process that took it,
however that process ended.  The file stays and names who took it last; it is never deleted, for another
process may have it open.

Must not import torch.
"""

from __future__ import annotations

import errno
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from aebnas.errors import RunError
from aebnas.files.waiting_lock import NO_LOCKS


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a run directory; where the file system has no such locks, warn and go on.

    Raises:
        RunError: Another process holds it; with that process's number.
        OSError: The directory is not there, or cannot be written.
    """
    if not path.is_dir():  # filelock would make it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path / "lock"))
    # a soft lock, a mere file, would outlive a killed process
    lock = FileLock(path / "lock", timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"{path} is in use by another aebnas process ({_holder(path)}); wait for it or stop it"
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _warn(path)
    try:
        with suppress(PermissionError):  # Windows keeps a locked file from being written
            (path / "lock").write_text(f"process {os.getpid()} on {platform.node()}")
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    """Return who took the lock last."""
    with suppress(OSError):
        return (path / "lock").read_text() or "process unknown"
    return "process unknown"


def _warn(path: Path) -> None:
    warnings.warn(
        f"this system has no file locks: nothing keeps a second aebnas process from writing to {path}",
        RuntimeWarning,
        stacklevel=4,
    )
