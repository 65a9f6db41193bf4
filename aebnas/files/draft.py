"""Drafts of folders: written beside their place, put there in one step, cleared away by the next.

A draft is called ``.NAME.draft-PROCESS-RANDOM``.  Its process holds a lock of the operating system on it,
which falls with that process however it ends: a draft without a lock belongs to nobody any more.  Process
numbers alone would not tell, they are given again.

Must not import torch.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # of Linux's renameat2
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
_NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def folder_draft(folder: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside another one, for this process alone; it is deleted afterwards.

    Args:
        folder: Absolute; its parent exists.

    Raises:
        OSError: The parent cannot be written.
    """
    while True:
        draft = folder.with_name(f".{folder.name}.draft-{os.getpid()}-{secrets.token_hex(4)}")
        draft.mkdir()
        with _locked(draft) as is_ours:
            if not is_ours:  # another export took it for a forgotten one before it was locked
                continue
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            return


def clear_drafts(folder: Path) -> None:
    """Delete the drafts of a folder that processes left which are no more."""
    name = re.compile(rf"\.{re.escape(folder.name)}\.draft-\d+-[0-9a-f]{{8}}")
    for path in folder.parent.iterdir():
        if name.fullmatch(path.name):
            with _locked(path) as is_ours:
                if is_ours:
                    shutil.rmtree(path, ignore_errors=True)


def put(draft: Path, folder: Path, replace: bool) -> None:
    """Bring a draft to its place, onto nothing or an empty folder; what is replaced is then the draft.

    On Linux both change places at once, where the file system can do it: there is no moment without a
    folder.  Elsewhere there is one between two renamings.

    Raises:
        FileExistsError: Something is there, and ``replace`` is not given.
        OSError: It cannot be done.
    """
    try:
        draft.rename(folder)
        return
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
        if not replace:
            raise FileExistsError(error.errno, error.strerror, str(folder)) from error
    if _exchanged(draft, folder):
        return
    old = draft.with_name(draft.name + ".old")
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    old.rename(draft)


def _exchanged(folder: Path, other: Path) -> bool:
    """Let two folders change places; return False where the system cannot.

    Raises:
        OSError: It can, but may not.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # no Linux, or another C library
        return False
    if not rename(_AT_FDCWD, os.fsencode(folder), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


@contextmanager
def _locked(draft: Path) -> Iterator[bool]:
    """Yield whether the lock of a draft that is still there was free; it is held until the end.

    Where the system has no such locks (Windows), or the file system none of folders (NFS), no draft is
    ever taken for a forgotten one but its own.
    """
    is_own = draft.name.split("-")[-2:-1] == [str(os.getpid())]
    try:
        import fcntl
    except ImportError:
        yield is_own
        return
    try:
        handle = os.open(draft, os.O_RDONLY)
    except OSError:  # deleted in between
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(handle), draft.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        except OSError:  # EBADF on NFS, which locks only what can be written; ENOLCK, ENOTSUP elsewhere
            is_ours = is_own
        yield is_ours
    finally:
        os.close(handle)
