"""Whether data fit in memory: how much they take at the worst moment, how much there is.

What is taken is counted low and what there is high, so that nothing that fits is
refused.  Must not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aebnas.data.checks.room import available_bytes
from aebnas.errors import DataError
from aebnas.task.input_size import Size, size_of

SPARE = 0.9
"""Share of what there is that a suggested value may take."""
SMALLEST_SIDE, LARGEST_SIDE = 4, 1024
"""Of ``data.image_size``."""
FEWER = "Use fewer images, or a machine with more memory."


def reading_peak(train: int, test: int | None, image_bytes: int, limit: int | None = None) -> int:
    """Return the bytes that reading and splitting hold at the worst moment.

    Splits are copies: of all images where test is cut off, then of those that ``data.limit`` leaves.

    Args:
        train: Images of the training data.
        test: Official test images; None: they are cut off the training data.
        image_bytes: Of one image.
        limit: ``data.limit``.
    """
    total = train + (test or 0)
    copied = total if test is None else min(train, train if limit is None else limit)
    return (total + copied) * image_bytes


def check_fits(what: str, needed: int, cure: str) -> None:
    """Refuse what does not fit, before it is allocated.

    Args:
        what: The data and what is done with them, for the message.
        needed: Bytes at the worst moment.
        cure: What helps, as a sentence.

    Raises:
        DataError: There is less.
    """
    there = available_bytes()
    if there is not None and needed > there:
        raise DataError(
            f"{what} takes {format_bytes(needed)} of memory, but {format_bytes(there)} are free. {cure}"
        )


def check_folder_fits(
    where: str,
    counts: tuple[int, int | None],
    shape: tuple[int, int, int],
    largest_picture: int,
    image_size: Size | None,
    limit: int | None = None,
) -> None:
    """Refuse a folder whose images do not fit, before any is decoded.

    Args:
        where: The folder.
        counts: Training and test images; None: there is no test folder.
        shape: Height, width and channels of every image as it is kept.
        largest_picture: Pixels of the largest file, which is decoded whole.
        image_size: ``data.image_size``.
        limit: ``data.limit``.

    Raises:
        DataError: They do not.
    """
    height, width, channels = shape
    decoded = largest_picture * (1 if channels == 1 else 4)  # Pillow keeps a colour in 4 bytes

    def peak(image_bytes: int) -> int:
        return max(reading_peak(*counts, image_bytes, limit), sum(_numbers(counts)) * image_bytes + decoded)

    there = available_bytes()
    if there is None or peak(height * width * channels) <= there:
        return
    present = size_of(max(height, width) if image_size is None else image_size)
    fitting = _fitting_size(peak, channels, SPARE * there, present)
    smaller = f"Make them smaller with data.image_size, for example data.image_size: {fitting}."
    if decoded > there:
        smaller = f"One picture of {largest_picture:,} pixels takes {format_bytes(decoded)}: save it smaller."
    size = f"{height} x {width} x {channels}"
    check_fits(
        f"{where}: reading {sum(_numbers(counts)):,} images of {size} and splitting them",
        peak(height * width * channels),
        smaller if fitting or decoded > there else FEWER,
    )


@contextmanager
def memory_errors(what: str, cure: str = FEWER) -> Iterator[None]:
    """Tell an allocation that failed all the same as what it is.

    Raises:
        DataError: Memory ran out.
    """
    try:
        yield
    except MemoryError as error:
        there = available_bytes()
        free = "" if there is None else f", of which {format_bytes(there)} are free"
        raise DataError(f"{what} does not fit in memory{free} ({str(error) or 'no more'}). {cure}") from error


def format_bytes(count: float) -> str:
    """Return bytes for people: ``12.3 GB``.

    >>> format_bytes(1_234_567_890), format_bytes(5_400_000), format_bytes(12)
    ('1.23 GB', '5.4 MB', '12 bytes')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            value = count / size
            digits = max(0, 2 - math.floor(math.log10(value)))
            return (
                f"{value:.{digits}f}".rstrip("0").rstrip(".") + f" {unit}"
                if digits
                else f"{value:.0f} {unit}"
            )
    return f"{max(0, round(count))} bytes"


def _fitting_size(
    peak: Callable[[int], int], channels: int, there: float, present: tuple[int, int]
) -> int | list[int] | None:
    """Return the largest size of the same shape, below the present one, with which images fit; None: none."""
    longest = max(present)
    for longer in range(min(LARGEST_SIDE, longest - 1), SMALLEST_SIDE - 1, -1):
        height, width = (max(SMALLEST_SIDE, side * longer // longest) for side in present)
        if peak(height * width * channels) <= there:
            rounded = longer // 8 * 8 or longer
            size = [max(SMALLEST_SIDE, side * rounded // longest) for side in present]
            return size[0] if size[0] == size[1] else size
    return None


def _numbers(counts: tuple[int, int | None]) -> list[int]:
    return [count for count in counts if count is not None]
