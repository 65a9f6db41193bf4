"""A trained supernet for some settings: found, continued or trained.

    runs/NAME/supernet/supernet.safetensors    the run's own, finished or half trained

A finished one of a neighbouring run with the same facts is copied; an unfinished
one of this run is continued; else a training begins.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path
from typing import Any

from aebnas.config.text_paths import expanded
from aebnas.data.splits import Splits
from aebnas.errors import RunError
from aebnas.supernet.identity import fitting_settings, supernet_metadata
from aebnas.supernet.settings import SupernetSettings
from aebnas.supernet.storage import (
    ANEW,
    StoredSupernet,
    check_metadata,
    load_supernet,
    stored_metadata,
    supernet_file,
)
from aebnas.supernet.training_loop import OnProgress, train_supernet

OWN = "Begin the run anew, under another --name"


@dataclass(frozen=True, eq=False)
class ReadySupernet:
    """A supernet that can be inherited from."""

    supernet: StoredSupernet
    path: Path
    origin: str
    """``trained``, ``known`` (it was there already) or the path of the file that it was copied from."""


def ready_supernet(
    settings: SupernetSettings, splits: Splits, run: Path, on_progress: OnProgress, device: str = "cpu"
) -> ReadySupernet:
    """Return the supernet of a run, trained to the end.

    Args:
        settings: How it is trained.
        splits: Its data.
        run: The run's directory; neighbouring directories are looked through.
        on_progress: Hears how far it is.
        device: Where it is trained.

    Raises:
        RunError: ``supernet.file`` or the run's own file is of something else, or cannot be read or
            written.
        TrainingError: The training diverged.
    """
    metadata = _metadata(settings, splits)
    path = supernet_file(run)
    origin = _known(settings, path, metadata)
    if origin is None:
        train_supernet(settings, splits, path, metadata, on_progress, device)
        origin = "trained"
    return ReadySupernet(load_supernet(path), path, origin)


def check_given(settings: SupernetSettings, splits: Splits) -> None:
    """Refuse ``supernet.file`` if it does not serve; only its header is read.

    Args:
        settings: How it is trained.
        splits: Its data.

    Raises:
        RunError: It is of something else, unfinished, or cannot be read.
    """
    if settings.supernet.file is not None:
        _usable(settings, settings.supernet.file, _metadata(settings, splits))


def check_own(settings: SupernetSettings, splits: Splits, run: Path) -> None:
    """Refuse a run whose own supernet does not serve its candidates; only its header is read.

    Raises:
        RunError: It is of something else, or cannot be read.
    """
    path = supernet_file(run)
    if path.exists():
        check_metadata(path, stored_metadata(path)[0], _metadata(settings, splits), OWN)


def check_place(settings: SupernetSettings, run: Path) -> None:
    """Refuse a run directory whose own supernet would be used in place of ``supernet.file``.

    Raises:
        RunError: It holds another one, finished or not; or the file cannot be read.  One that is there
            no more was copied before.
    """
    own, given = supernet_file(run), settings.supernet.file
    if given is None or not own.exists() or not _given(given).exists():
        return
    try:
        if cmp(own, _given(given), shallow=False):
            return
    except OSError as error:
        raise RunError(f"cannot read the supernet {given}: {error}") from error
    raise RunError(
        f"{own} is another supernet than {given}, which would not be used: remove it, give the run another "
        "--name, or leave supernet.file out"
    )


def _metadata(settings: SupernetSettings, splits: Splits) -> dict[str, Any]:
    return supernet_metadata(settings, splits.fingerprint, splits.task)


def _usable(settings: SupernetSettings, file: str, metadata: dict[str, Any]) -> Path:
    """Return the path of a given supernet, if it is finished and serves.

    Raises:
        RunError: It does not, or cannot be read.
    """
    given = _given(file)
    stored, is_finished = stored_metadata(given)
    fitting = fitting_settings(settings, stored)
    cure = f"It serves with the settings that it was trained with: {fitting}" if fitting else ANEW
    check_metadata(given, stored, metadata, cure)
    if not is_finished:
        raise RunError(f"{given} is half trained. Finish it: aebnas supernet FILE with its run's --name")
    return given


def _given(file: str) -> Path:
    """Return the path of ``supernet.file``, which may also be a run's directory."""
    given = expanded("supernet.file", file)
    return supernet_file(given) if given.is_dir() else given


def _known(settings: SupernetSettings, path: Path, metadata: dict[str, Any]) -> str | None:
    """Return where a finished supernet came from, now at ``path``; None: it must be trained."""
    if path.exists():
        stored, is_finished = stored_metadata(path)
        check_metadata(path, stored, metadata, OWN)
        if not is_finished and stored != metadata:
            raise RunError(
                f"{path} is half trained, for a larger space. Remove it, or give the run another name"
            )
        return "known" if is_finished else None
    if settings.supernet.file is not None:
        return _copied(_usable(settings, settings.supernet.file, metadata), path)
    if settings.supernet.reuse == "auto":
        for other in sorted(path.parents[2].glob(str(supernet_file(Path("[!.]*"))))):
            if _serves(other, metadata):
                return _copied(other, path)
    return None


def _serves(path: Path, metadata: dict[str, Any]) -> bool:
    try:
        stored, is_finished = stored_metadata(path)
    except RunError:  # damaged, or of another version: not ours to judge
        return False
    return is_finished and stored == metadata


def _copied(source: Path, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.new")
        shutil.copyfile(source, draft)
        draft.replace(path)
    except OSError as error:
        raise RunError(f"cannot copy the supernet {source} to {path}: {error}") from error
    return str(source)
