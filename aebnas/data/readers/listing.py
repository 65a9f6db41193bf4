"""What lies in a folder: sorted, without the clutter that systems leave there; unreadable is an error.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import DataError

_CLUTTER = ("thumbs.db", "desktop.ini", "__macosx")


def is_clutter(name: str) -> bool:
    """Return whether a file or folder is hidden, or left by a system."""
    return name.startswith(".") or name.lower() in _CLUTTER


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted by name.

    Raises:
        DataError: It cannot be read.
    """
    try:
        paths = [path for path in folder.iterdir() if not is_clutter(path.name)]
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(paths, key=lambda path: path.name)


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder.

    Raises:
        DataError: It cannot be told.
    """
    try:
        return path.is_dir()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Return what to say of a folder that cannot be read."""
    return DataError(
        f"{path}: the folder cannot be read ({error.strerror or error}). Allow reading it, or move it away."
    )
