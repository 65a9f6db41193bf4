"""Arguments of a search for exits as sections of a search-space file.  Must not import torch."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aebnas.errors import ConfigError, RunError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Size = int | tuple[int, int]
"""Pixels: height = width, or height and width."""


def data_section(
    data: str | Path | tuple[ArrayLike, ArrayLike] | Mapping[str, Any],
    arrays: Path,
    sizes: Sequence[Size] | None,
) -> dict[str, Any]:
    """Return the section ``data`` for what a caller gave.

    Args:
        data: A folder, a pair of arrays, or the section itself.
        arrays: Where a pair of arrays is kept.
        sizes: Resolutions of the search; pictures are brought to the largest.  None: they have one size.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(data, Mapping):
        return dict(data)
    if isinstance(data, str | Path):
        largest = None if sizes is None else max(sizes, key=_area)
        folder = {"folder": str(Path(data).expanduser().absolute())}
        return folder if largest is None else {**folder, "image_size": plain(largest)}
    if type(data) is tuple and len(data) == 2:  # callers without types give whatever they have
        return {"npz": str(arrays.absolute())}
    raise ConfigError(
        "data must be a folder of class folders, a pair (images, labels) or the section data of a file, but "
        f"is a {type(data).__name__}"
    )


def write_arrays(data: tuple[ArrayLike, ArrayLike], path: Path) -> None:
    """Keep images and labels in a file.

    Args:
        data: Images uint8 ``(n, height, width, channels)``, labels ``(n,)``, whole numbers from 0.
        path: The file.

    Raises:
        DataError: They are others.
        RunError: The file cannot be written.
    """
    import numpy as np

    from aebnas.data.readers.outside import checked_pair
    from aebnas.files.atomic import draft_of

    samples = checked_pair("data", data)
    try:
        with draft_of(path) as draft, draft.open("wb") as file:
            np.savez(file, x_train=samples.values, y_train=samples.labels)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from error


def normalisation_section(normalisation: Any) -> dict[str, Any]:
    """Return the section ``normalisation`` for a mean and a standard deviation.

    Raises:
        ConfigError: They are no such pair.
    """
    if not isinstance(normalisation, tuple | list) or len(normalisation) != 2:
        raise ConfigError(
            "normalisation must be a pair (mean, std), each a number or one per channel, as in "
            f"((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), but got {normalisation!r:.80}"
        )
    mean, std = (
        list(map(float, part)) if isinstance(part, Sequence) else float(part) for part in normalisation
    )
    return {"mean": mean, "std": std}


def sizes_of(resolution: Any) -> list[Size]:
    """Return the resolutions that a caller gave: a number, a pair ``(height, width)``, or a list of them.

    Raises:
        ConfigError: It is none of these.
    """
    several = list(resolution) if isinstance(resolution, list) else [resolution]
    try:
        sizes = [_size(size) for size in several]
    except (TypeError, ValueError) as error:
        raise ConfigError(_WRONG_SIZE.format(resolution)) from error
    if not sizes or any(
        side < 1 for size in sizes for side in (size if isinstance(size, tuple) else (size,))
    ):
        raise ConfigError(_WRONG_SIZE.format(resolution))
    return sizes


def plain(size: Size) -> int | list[int]:
    """Return a size as files have it."""
    return size if isinstance(size, int) else list(size)


_WRONG_SIZE = "resolution must be pixels, a pair (height, width), or a list of them, but got {!r:.60}"


def _size(size: Any) -> Size:
    if isinstance(size, tuple):
        height, width = map(operator.index, size)
        return height, width
    return operator.index(size)


def _area(size: Size) -> int:
    return size * size if isinstance(size, int) else size[0] * size[1]
