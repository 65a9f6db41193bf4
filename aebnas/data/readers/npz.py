"""Images from one .npz file: x_train, y_train and optionally x_test, y_test, or under other common names.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from aebnas.data.checks.memory import check_fits, reading_peak
from aebnas.data.dataset import Extras, Samples
from aebnas.data.readers.npz_arrays import check_first, from_zero, images_of, labels_of
from aebnas.data.readers.npz_file import ArrayHeader, load_arrays, read_headers
from aebnas.data.readers.npz_layout import Pair, SplitName, layout_of
from aebnas.errors import DataError

SHOWN = 12
"""Arrays that a message names."""
SMALLER = "Save smaller images, or fewer of them."


def read_npz(
    path: Path, first_label: int | None = None, limit: int | None = None
) -> tuple[Samples, Samples | None, tuple[str, ...], Extras]:
    """Return train, test (if the file has it), the names of the classes (their labels) and what else it has.

    Images are uint8 of shape ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``; labels are whole
    numbers of shape ``(n,)`` or ``(n, 1)``, or one-hot rows.  ``val`` arrays are select; where there are
    no ``test`` arrays, they are test.

    Args:
        path: The file.
        first_label: Label of the first class; default: labels count from 0.
        limit: ``data.limit``, for what the copies of the splits take.

    Raises:
        DataError: Unreadable, pickled, larger than memory, an array missing or of the wrong kind.
    """
    headers = read_headers(path)
    try:
        layout = layout_of(headers, _contents_of(headers))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    _check_room(path, layout, headers, limit)
    names = [name for pair in layout.values() for name in (pair.images, pair.labels)]
    arrays = load_arrays(path, names, headers)
    try:
        parts = {part: _image_set(pair, arrays, first_label) for part, pair in layout.items()}
        if first_label is None:
            check_first(layout["train"].labels, parts["train"].labels)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    train, first = parts["train"], first_label or 0
    highest = int(train.labels.max(initial=0))
    if highest >= len(train):  # before one name per class is made
        raise DataError(
            f"{path}: {layout['train'].labels} holds label {highest + first}, but {len(train)} images; "
            "labels must be 0, 1, 2, ..."
        )
    classes = tuple(str(label + first) for label in range(highest + 1))
    return train, parts.get("test", parts.get("val")), classes, _extras(layout, parts)


def _check_room(
    path: Path, layout: dict[SplitName, Pair], headers: dict[str, ArrayHeader], limit: int | None
) -> None:
    """Refuse what does not fit, by the headers: loaded, turned into uint8, split."""
    images = {part: headers[pair.images] for part, pair in layout.items()}
    loaded = sum(headers[name].nbytes for pair in layout.values() for name in (pair.images, pair.labels))
    count = {part: header.shape[0] if header.shape else 0 for part, header in images.items()}
    test = count.get("test", 0) + count.get("val", 0) if len(count) > 1 else None
    pixels = sum(header.nbytes // max(1, header.dtype.itemsize) for header in images.values())
    each = pixels // max(1, sum(count.values()))
    needed = max(loaded, reading_peak(count["train"], test, each, limit))
    check_fits(f"{path}: reading {sum(count.values()):,} images and splitting them", needed, SMALLER)


def _extras(layout: dict[SplitName, Pair], parts: dict[SplitName, Samples]) -> Extras:
    """Return what the validation arrays are, and say it."""
    if "val" not in layout:
        return Extras()
    name = layout["val"].images
    if "test" not in layout:
        return Extras(notes=(f"{name} is read as test; select is cut off from {layout['train'].images}",))
    note = f"{name} is read as select, which scores candidates; {layout['test'].images} as test"
    return Extras(parts["val"], (note,))


def _image_set(pair: Pair, arrays: dict[str, NDArray[Any]], first_label: int | None) -> Samples:
    images, labels = arrays[pair.images], arrays.pop(pair.labels)
    pixels = images_of(
        pair.images, images, labels.shape[0] if labels.ndim == 2 and 1 not in labels.shape else labels.size
    )
    del images, arrays[pair.images]
    numbers = from_zero(pair.labels, labels_of(pair.labels, labels, len(pixels)), first_label)
    return Samples(pixels, numbers).named(pair.images)


def _contents_of(headers: dict[str, ArrayHeader]) -> str:
    """Return what the file holds, for messages."""
    names = sorted(headers)[:SHOWN]
    more = f" and {len(headers) - SHOWN} more" if len(headers) > SHOWN else ""
    kinds = f" ({', '.join(str(headers[name]) for name in names)})" if names else ""
    return f"found: {', '.join(names) or 'none'}{more}{kinds}."
