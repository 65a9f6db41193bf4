"""Search-space files: written, read, and described before anything is trained.  Must not import torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.api.arguments import check_whole
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.config import SearchFile
    from aebnas.search.description import Description
    from aebnas.search.sample_costs import Track


def write_starter_file(path: str | Path = "search_space.yaml", force: bool = False) -> Path:
    """Write a complete search-space file in which every field stands with its meaning.

    Args:
        path: Where to write it.
        force: Overwrite a file that exists.

    Returns:
        The path of the file.

    Raises:
        ConfigError: The file exists, or cannot be written.

    Example:
        >>> aebnas.write_starter_file("my_space.yaml")
        PosixPath('my_space.yaml')
    """
    from aebnas.config import starter_file
    from aebnas.files.atomic import write_atomically

    path = Path(path)
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already; overwrite it with --force, or name another file")
    try:
        write_atomically(path, starter_file().encode())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def load_search_file(path: str | Path, overrides: Sequence[str] = ()) -> SearchFile:
    """Read and validate a search-space file.

    Args:
        path: The YAML file.
        overrides: Settings such as ``"search.generations=20"``, which replace the file's values.

    Returns:
        A frozen model with a field per section and every default filled in.

    Raises:
        ConfigError: The file cannot be read or is wrong; one line per mistake, each beginning with
            ``FILE:LINE`` or the override at fault.
        CodeRefusedError: It names code from outside AEBNAS; see ``allow_code``.

    Example:
        >>> aebnas.load_search_file("search_spaces/mnist5k.yaml", ["search.seed=7"]).search.seed
        7
    """
    from aebnas.config import load

    return load(path, overrides)


def check_file(
    file: str | Path | SearchFile,
    overrides: Sequence[str] = (),
    *,
    samples: int = 1000,
    track: Track | None = None,
) -> Description:
    """Check a search-space file as a search would, and describe what it spans; nothing is trained.

    Args:
        file: The YAML file, or what ``load_search_file`` returned.
        overrides: As of ``load_search_file``.
        samples: Random architectures to cost, at least 1.
        track: Passes numbers on and shows how far they are, as a progress bar does; default: nothing.

    Returns:
        The space (``space``, ``architectures``: how many there are), the images of every split (``data``),
        and what random architectures cost (``costs``: MACs, parameters, bytes; milliseconds and millijoules
        where the file names hardware profiles).  ``warning`` tells limits that next to nothing satisfies.

    Raises:
        ConfigError: The file or an argument is wrong, or the file does not fit the images or the profiles.
        DataError: Images are missing, damaged, or larger than memory.
        HardwareError: A profile lacks a layer of the space.
        RunError: ``supernet.file`` is of something else.
        CodeRefusedError: Its space is made of code from outside AEBNAS; see ``allow_code``.

    Example:
        >>> description = aebnas.check_file("search_spaces/mnist5k.yaml", samples=200)
        >>> description.architectures, description.warning
        (1296, None)
    """
    check_whole("samples", samples, 1)
    config = search_file(file, overrides)
    from aebnas.search.description import Description
    from aebnas.search.feature_disk import features_note
    from aebnas.search.preparation import prepare
    from aebnas.search.sample_costs import sample_costs

    prepared = prepare(config, must_read=False)
    space, data = prepared.problem.space, prepared.data
    costs = sample_costs(config, space, data.task, samples, track or _untracked, prepared.problem.devices)
    counts = math.prod(space.cardinalities), space.count()
    notes = (*prepared.notes, *features_note(prepared.problem, data.counts[:3]))
    return Description(config, space, data, *counts, costs, notes)


def search_file(file: str | Path | SearchFile, overrides: Sequence[str] = ()) -> SearchFile:
    """Return the model of a search-space file that may have been read before.

    Raises:
        ConfigError: As of ``load_search_file``; or it was read before, and now overrides are given.
    """
    if isinstance(file, str | Path):
        return load_search_file(file, overrides)
    if overrides:
        raise ConfigError("overrides go with a file's path: aebnas.load_search_file(PATH, OVERRIDES)")
    return file


def _untracked(numbers: Iterable[int]) -> Iterable[int]:
    return numbers
