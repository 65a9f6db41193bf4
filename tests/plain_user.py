"""Tests of permissions when root runs them: root may read and write everything, a plain user may not."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def folder_for_everyone() -> Iterator[Path]:
    """Make a folder that every user may enter, unlike those of pytest; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="aebnas-test-"))
    folder.chmod(0o755)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


@contextmanager
def as_plain_user() -> Iterator[None]:
    """Be somebody whom permissions concern."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
