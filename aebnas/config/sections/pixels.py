"""Sizes of images as files give them: a number of pixels, or ``[height, width]``.  Must not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from aebnas.task.input_size import Size, canonical_size

SMALLEST, LARGEST = 4, 1024


def pixels(value: Any) -> Size:
    """Return one number for a square, a tuple ``(height, width)`` for another rectangle.

    Raises:
        PydanticCustomError, PydanticKnownError: It is neither, or too small or too large.
    """
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise PydanticCustomError("pixels", "must be a number of pixels or a pair [height, width]")
        for side in value:
            _check(side)
    else:
        _check(value)
    return canonical_size(value)


def _check(side: Any) -> None:
    if type(side) is not int:
        raise PydanticKnownError("int_type")
    if side < SMALLEST:
        raise PydanticKnownError("greater_than_equal", {"ge": SMALLEST})
    if side > LARGEST:
        raise PydanticKnownError("less_than_equal", {"le": LARGEST})


if TYPE_CHECKING:
    Pixels: TypeAlias = Size
else:  # the type of such a field
    Pixels = Annotated[Any, PlainValidator(pixels)]
