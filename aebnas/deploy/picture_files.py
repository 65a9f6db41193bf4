"""Image files that somebody names, one by one or by their folders, with what is wrong where that is known.

Must not import torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from aebnas.data.pictures.files import reason
from aebnas.data.readers.listing import is_clutter, unreadable
from aebnas.errors import DataError

NamedFile = tuple[str, str | None]
"""A path, and why it cannot be read; None: nothing is known against it."""


def image_files(path: Path) -> list[Path]:
    """Return a file as it is, and of a folder all files below it, sorted; hidden ones are left out.

    Raises:
        DataError: The folder holds no file, or a folder in it cannot be read.
    """
    files = []
    for name, wrong in _listed(str(path)):
        if wrong is not None:
            raise DataError(wrong)
        files.append(Path(name))
    return files


def named_files(given: Sequence[str]) -> Iterator[NamedFile]:
    """Yield every file of what is named; of a folder all below it, sorted, but hidden ones."""
    for word in given:
        yield from _listed(word)


def _listed(word: str) -> list[NamedFile]:
    """Return a file, or all below a folder, with what is wrong where that is known."""
    try:
        if not Path(word).is_dir():
            return [(word, None)]
    except (OSError, ValueError) as error:
        return [(word, f"{word}: {reason(error)}")]
    wrong: dict[str, str | None] = {}

    def note(error: OSError) -> None:
        folder = str(error.filename)
        wrong[folder] = str(unreadable(Path(folder), error))

    for folder, folders, names in os.walk(word, onerror=note):
        folders[:] = [name for name in folders if not is_clutter(name)]
        wrong |= {str(Path(folder) / name): None for name in names if not is_clutter(name)}
    if not wrong:
        return [(word, f"{word}: no files in this folder")]
    return sorted(wrong.items(), key=lambda file: Path(file[0]))
