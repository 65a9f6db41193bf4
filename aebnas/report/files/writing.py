"""Files of a report: written whole or not at all.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import RunError
from aebnas.files.atomic import write_atomically


def write_file(path: Path, text: str) -> Path:
    """Write one file of a report, its folder made where it is missing, and return its path.

    Raises:
        RunError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}. The run itself is untouched; "
            "when the cause is cured, or with another folder, write the report again: aebnas report RUN"
        ) from error
    return path
