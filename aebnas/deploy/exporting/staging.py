"""Writing a whole folder or nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aebnas.deploy.manifest import CARD, INT8_FOLDER, LABELS, MANIFEST, POLICY, SAMPLES, read_manifest
from aebnas.errors import AebnasError, RunError
from aebnas.files.draft import clear_drafts, folder_draft, put


def refuse_existing(folder: Path, force: bool) -> None:
    """Check that a folder may be written.

    Args:
        folder: Where to export.
        force: Replace an export folder; never anything else.

    Raises:
        RunError: It exists and may not be replaced.
    """
    try:
        if not folder.exists() and not folder.is_symlink():
            return
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            return
    except (OSError, ValueError) as error:  # no permission, a name that is too long
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"cannot write {str(folder)!r}: {reason}. Name another folder") from error
    if not force:
        raise _existing(folder)
    if folder.is_symlink() or not folder.is_dir() or not (folder / MANIFEST).is_file():
        raise RunError(
            f"{folder} is no export folder (no {MANIFEST}): --force does not delete it. Name another"
        )
    foreign = [path for path in _entries(folder) if path not in _ours(folder)]
    if foreign:
        raise RunError(
            f"{foreign[0]} was not written by aebnas export: --force would delete it. Move it away, "
            "or name another folder"
        )


def _existing(folder: Path) -> RunError:
    return RunError(f"{folder} exists already; replace it with --force, or name another folder")


def write_folder(folder: Path, contents: Mapping[str, bytes], force: bool) -> None:
    """Write files so that the folder is either whole or as it was, whoever else writes there.

    Everything is written into a draft beside it, of this process alone, and put there in one step.  A
    killed export leaves its draft, ``.NAME.draft-...``, which the next one deletes.

    Args:
        folder: Where to; its parents are made.
        contents: By path in the folder.
        force: Replace an export folder.

    Raises:
        RunError: It cannot be written, or may not be replaced.
    """
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        clear_drafts(folder)
        with folder_draft(folder) as draft:
            for name, content in contents.items():
                _write(draft / name, content)
            refuse_existing(folder, force)  # again: something may have come since
            try:
                put(draft, folder, replace=force)
            except FileExistsError as error:  # something has come since the last look
                raise _existing(folder) from error
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _ours(folder: Path) -> set[Path]:
    """Return the files that an export wrote there, the quantised twin's included."""
    paths: set[Path] = set()
    for place in (folder, folder / INT8_FOLDER):
        names = {MANIFEST, POLICY, LABELS, SAMPLES, CARD}
        try:
            names |= {file.name for file in read_manifest(place).files}
        except AebnasError:  # damaged: what looks like a segment is one
            names |= {path.name for path in place.glob("segment*.onnx")}
        paths |= {place / name for name in names}
    return paths


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())
