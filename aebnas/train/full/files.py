"""Writing into a trained network's folder: an error says what is kept and how to go on.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aebnas.errors import RunError


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn a full disk or missing permission into a ``RunError`` with its cure."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"cannot write to {folder}: {error.strerror or error}. What was saved before is kept; "
            "when the cause is cured, give the same command again"
        ) from error
