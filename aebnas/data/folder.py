"""A folder of class folders of images, optionally under ``train/`` and ``test/``.

Classes are the sorted folder names.  Headers of all files are read first, so
that differing sizes are found before anything is decoded, then the pixels go
straight into one array.  All grey files give 1 channel; any colour gives 3.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aebnas.data.dataset import ImageSet
from aebnas.data.pictures import PictureHeader, read_header, read_pixels
from aebnas.errors import DataError
from aebnas.task.input_size import Size, size_of

_CLUTTER = ("thumbs.db", "desktop.ini", "__macosx")


def read_folder(folder: Path, image_size: Size | None) -> tuple[ImageSet, ImageSet | None, tuple[str, ...]]:
    """Return train, test (if there is ``test/``) and the class names.

    Args:
        folder: Holds class folders, or ``train/`` and optionally ``test/`` with class folders.
        image_size: Cut the middle of every image, in this shape, and resize it to this size;
            None: all images must have one size.

    Raises:
        DataError: Something is missing, empty, unreadable or of a differing size.
    """
    train_folder, test_folder = _parts(folder)
    train_files = _files_by_class(train_folder)
    classes = tuple(train_files)
    parts = [train_files]
    if test_folder is not None:
        test_files = _files_by_class(test_folder)
        unknown = sorted(set(test_files) - set(classes))
        if unknown:
            raise DataError(
                f"{test_folder / unknown[0]}: a test class without training images in {train_folder}"
            )
        parts.append(test_files)
    headers = {path: read_header(path) for part in parts for files in part.values() for path in files}
    if image_size is None:
        _check_one_size(headers)
    channels = 1 if all(header.is_grey for header in headers.values()) else 3
    train, *test = (_read(part, classes, image_size, headers, channels) for part in parts)
    return train, (test[0] if test else None), classes


def _parts(folder: Path) -> tuple[Path, Path | None]:
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder. Check data.folder; it is taken from the current directory."
        )
    names = [path.name for path in _entries(folder) if path.is_dir()]
    train = folder / "train"
    if "train" not in names or not any(path.is_dir() for path in _entries(train)):
        return folder, None
    other = [name for name in names if name not in ("train", "test")]
    if other:
        raise DataError(
            f"{folder}: holds train/ and also {other[0]}/; beside train/ only test/ is read. "
            f"Rename {other[0]}/ to test/ or move it away."
        )
    return train, folder / "test" if "test" in names else None


def _files_by_class(folder: Path) -> dict[str, list[Path]]:
    entries = _entries(folder)
    stray = [path for path in entries if not path.is_dir()]
    if stray:
        raise DataError(
            f"{stray[0]}: a file beside the class folders of {folder}. Move it into a class folder or away."
        )
    classes = {path.name: _entries(path) for path in entries}
    if not classes:
        raise DataError(f"{folder}: 0 class folders; expected one folder of images per class")
    for name, files in classes.items():
        if not files:
            raise DataError(f"{folder / name}: class {name!r} has 0 images. Add images or remove the folder.")
        nested = [path for path in files if path.is_dir()]
        if nested:
            raise DataError(
                f"{nested[0]}: a folder inside class folder {name!r}. Is data.folder one level too high?"
            )
    return classes


def _entries(folder: Path) -> list[Path]:
    entries = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted((path for path in entries if path.name.lower() not in _CLUTTER), key=lambda path: path.name)


def _check_one_size(headers: dict[Path, PictureHeader]) -> None:
    first, expected = next(iter(headers.items()))
    smallest = min(min(header.width, header.height) for header in headers.values())
    for path, header in headers.items():
        if (header.width, header.height) != (expected.width, expected.height):
            raise DataError(
                f"{path}: {header.width} x {header.height} pixels, but {first} has "
                f"{expected.width} x {expected.height}. Give all images one size with data.image_size, "
                f"for example data.image_size: {smallest}."
            )


def _read(
    files: dict[str, list[Path]],
    classes: tuple[str, ...],
    image_size: Size | None,
    headers: dict[Path, PictureHeader],
    channels: int,
) -> ImageSet:
    paths = [path for members in files.values() for path in members]
    labels = [classes.index(name) for name, members in files.items() for _ in members]
    first = headers[paths[0]]
    height, width = (first.height, first.width) if image_size is None else size_of(image_size)
    images = np.empty((len(paths), height, width, channels), np.uint8)
    for i, path in enumerate(paths):
        images[i] = read_pixels(path, image_size, channels)
    return ImageSet(images, np.array(labels, np.int64))
