"""The lock of a run directory: one process writes, any number read.

The operating system holds it (``flock`` on the file ``lock``) and drops it with the
process that took it, however that process ended.  The file stays and names who took
it last; it is never deleted, for another process may have it open.

Must not import torch.
"""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from aebnas.errors import RunError


@contextmanager
def run_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a run directory; where the system has no ``flock``, warn and go on.

    Raises:
        RunError: Another process holds it; with that process's number.
        OSError: The directory cannot be written.
    """
    with (path / "lock").open("a+") as file:
        _take(file, path)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _take(file: TextIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        warnings.warn(
            f"this system has no file locks: nothing keeps a second aebnas process from writing to {path}",
            RuntimeWarning,
            stacklevel=2,
        )
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read() or "process unknown"
        raise RunError(
            f"{path} is in use by another aebnas process ({holder}); wait for it or stop it"
        ) from error
