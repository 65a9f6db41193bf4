"""A folder of class folders of images, optionally under ``train/``, ``test/`` and ``val/``.

Classes are the sorted folder names.  Headers of all files are read first, so
that differing sizes are found before anything is decoded, then the pixels go
straight into one array.  All grey files give 1 channel; any colour gives 3.
What is wrong with the files is told at once.

Must not import torch.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from aebnas.data.checks.memory import check_folder_fits
from aebnas.data.dataset import Extras, Images, Samples
from aebnas.data.pictures.pixels import PictureHeader, read_header, read_training_pixels
from aebnas.data.pictures.problems import Problems
from aebnas.data.pictures.sixteen_bits import FULL, ValueRange
from aebnas.data.readers.folder_layout import Files, Layout, read_layout
from aebnas.errors import DataError
from aebnas.task.input_size import Size, size_of


def read_folder(
    folder: Path, image_size: Size | None
) -> tuple[Samples, Samples | None, tuple[str, ...], Extras]:
    """Return train, test (if there is ``test/``), the class names and what else there is.

    Args:
        folder: Holds class folders, or ``train/`` and optionally ``test/`` and ``val/`` with class folders.
        image_size: Cut the middle of every image, in this shape, and resize it to this size;
            None: all images must have one size.

    Raises:
        DataError: Something is missing, empty, unreadable or of a differing size; up to twenty such things
            are named at once.
    """
    layout, problems = read_layout(folder), Problems()
    reader = _Reader(_headers(layout, image_size, problems), image_size, problems)
    if problems.count:
        reader.look_for_more()
    problems.refuse(str(folder))
    reader.check_room(folder, layout)
    arrays = [reader.pixels(part) for part in layout.parts]
    problems.refuse(str(folder))
    reader.seen.refuse_lost_colours()
    depth = reader.seen.depth
    if depth not in (None, FULL):  # most data sets use all 16 bits; of the others these files are read again
        for part, images in zip(layout.parts, arrays, strict=True):
            reader.read_again(part, images, depth)
    sets = [_labelled(part, images, layout) for part, images in zip(layout.parts, arrays, strict=True)]
    train = sets.pop(0)
    test = sets.pop(0) if layout.test is not None else None
    select = sets.pop(0) if layout.select is not None else None
    return train, test, layout.classes, Extras(select, layout.notes + reader.seen.notes(), depth)


def folder_shape(folder: Path, image_size: Size | None) -> tuple[int, int, int]:
    """Return ``(height, width, channels)`` of the images that ``read_folder`` returns; nothing is decoded.

    Raises:
        DataError: A folder or header is missing, empty or unreadable, or sizes differ.
    """
    layout, problems = read_layout(folder), Problems()
    headers = _headers(layout, image_size, problems)
    problems.refuse(str(folder))
    return _Reader(headers, image_size, problems).shape(next(iter(headers)))


def _headers(layout: Layout, image_size: Size | None, problems: Problems) -> dict[Path, PictureHeader]:
    """Return the headers of all files; what is wrong with them is noted."""
    headers: dict[Path, PictureHeader] = {}
    for path in (path for part in layout.parts for path in _paths(part)):
        with problems.noted():
            headers[path] = read_header(path)
    if image_size is None:
        _check_one_size(headers, problems)
    return headers


class _Reader:
    """Decodes files whose headers are known; what goes wrong is noted."""

    def __init__(
        self, headers: dict[Path, PictureHeader], image_size: Size | None, problems: Problems
    ) -> None:
        self._headers, self._image_size, self._problems = headers, image_size, problems
        self._channels = 1 if all(header.is_grey for header in headers.values()) else 3
        self.seen = ValueRange()

    def check_room(self, folder: Path, layout: Layout) -> None:
        """Refuse what does not fit in memory, before any picture is decoded."""
        train, *others = (len(_paths(part)) for part in layout.parts)
        apart = sum(others) if others else None  # test and select: kept as they are, not copied
        largest = max(header.width * header.height for header in self._headers.values())
        shape = self.shape(next(iter(self._headers)))
        check_folder_fits(str(folder), (train, apart), shape, largest, self._image_size)

    def pixels(self, files: Files) -> Images:
        """Return the images of a part, ``(n, h, w, c)``; 16-bit ones as if they used all of their range."""
        paths = _paths(files)
        images = np.empty((len(paths), *self.shape(paths[0])), np.uint8)
        for i, path in enumerate(paths):
            with self._problems.noted():
                images[i] = self._read(path)
        return images

    def look_for_more(self) -> None:
        """Decode all files and keep nothing: what is broken is told together with what is known."""
        for path in self._headers:
            with self._problems.noted():
                self._read(path)

    def read_again(self, files: Files, images: Images, depth: int) -> None:
        """Read the 16-bit grey files of a part once more, by the depth that they turned out to have."""
        for i, path in enumerate(_paths(files)):
            if str(path) in self.seen.highest:
                images[i] = read_training_pixels(path, self._image_size, self._channels, depth, ValueRange())

    def _read(self, path: Path) -> Images:
        pixels = read_training_pixels(path, self._image_size, self._channels, FULL, self.seen)
        if pixels.shape != self.shape(path):
            height, width, _ = self.shape(path)
            raise DataError(
                f"{path}: its header says {width} x {height} pixels, but it decodes to {pixels.shape[1]} x "
                f"{pixels.shape[0]}. Remove or replace it."
            )
        return pixels

    def shape(self, path: Path) -> tuple[int, int, int]:
        """Return height, width and channels of a picture as it is kept."""
        if self._image_size is not None:
            return *size_of(self._image_size), self._channels
        header = self._headers[path]
        return header.height, header.width, self._channels


def _check_one_size(headers: dict[Path, PictureHeader], problems: Problems) -> None:
    """Note every image whose size is not that of most."""
    if not headers:
        return
    sizes = {path: (header.width, header.height) for path, header in headers.items()}
    (expected, _), *others = Counter(sizes.values()).most_common()
    if not others:
        return
    example = next(path for path, size in sizes.items() if size == expected)
    smallest = min(1024, max(4, min(min(size) for size in sizes.values())))  # what data.image_size allows
    cure = f"Give all images one size with data.image_size, for example data.image_size: {smallest}."
    for path, (width, height) in sizes.items():
        if (width, height) != expected:
            problems.add(
                f"{path}: {width} x {height} pixels, but {example} has {expected[0]} x {expected[1]}.", cure
            )


def _paths(files: Files) -> list[Path]:
    return [path for members in files.values() for path in members]


def _labelled(files: Files, images: Images, layout: Layout) -> Samples:
    index = {name: i for i, name in enumerate(layout.classes)}
    labels = [index[name] for name, members in files.items() for _ in members]
    return Samples(images, np.array(labels, np.int64), tuple(map(str, _paths(files))))
