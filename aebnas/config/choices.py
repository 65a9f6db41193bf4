"""Field types shared by the schemas: a scalar is fixed, a list is a gene.

Everything is strict: no text becomes a number, no number a boolean.  Where a
model checks several fields at once, ``reject`` names the field that is wrong, so
that the message points at its line.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict
from pydantic_core import PydanticCustomError, PydanticKnownError

from aebnas.files.source_locations import Path

T = TypeVar("T")
Wrong = tuple[Path, str]
"""A field, relative to the model that complains, and what is wrong with it."""

SEVERAL_FIELDS = "several_fields"
"""Type of the error that ``reject`` raises; its context holds ``wrong``."""


class Frozen(BaseModel):
    """A configuration section: immutable, strict, and an unknown field is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


def reject(wrong: Sequence[Wrong]) -> None:
    """Raise one validation error that names every wrong field; do nothing if none is wrong.

    Args:
        wrong: The fields, relative to the validating model, with what is wrong.

    Raises:
        PydanticCustomError: ``wrong`` is not empty.
    """
    if wrong:
        text = "; ".join(f"{'.'.join(map(str, path))}: {message}" for path, message in wrong)
        raise PydanticCustomError(SEVERAL_FIELDS, "{text}", {"text": text, "wrong": list(wrong)})


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Return ``"Did you mean 'X'? "`` for the nearest choice, or nothing if none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.55)
    return f"Did you mean {by_lower[near[0]]!r}? " if near else ""


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(value, dict) or value is None:
        raise PydanticCustomError("choices_type", "Input should be a value or a list of choices")
    return (value,)


def _distinct(value: tuple[T, ...]) -> tuple[T, ...]:
    seen: list[T] = []
    for item in value:
        if any(item == other and type(item) is type(other) for other in seen):
            raise ValueError(f"the choice {item!r} is listed twice")
        seen.append(item)
    return value


def _as_written(value: tuple[T, ...]) -> Any:
    # a list within the list stays one: [[24, 32]] is one size, [24, 32] two
    return value[0] if len(value) == 1 and not isinstance(value[0], tuple) else list(value)


def _per_channel_as_written(value: tuple[T, ...]) -> Any:
    return value[0] if len(value) == 1 else list(value)


def _whole(value: Any) -> Any:
    if type(value) is not int:  # Literal[1, 3] takes True and 3.0, which equal its choices
        raise PydanticKnownError("int_type")
    return value


Whole = BeforeValidator(_whole)
"""Marks a Literal of whole numbers."""

Items = Annotated[tuple[T, ...], Strict(False)]
"""A list as YAML writes it, a tuple once validated; its items are strict."""

Choices = Annotated[
    tuple[T, ...],
    Strict(False),
    Field(min_length=1, max_length=64),
    BeforeValidator(_as_tuple),
    AfterValidator(_distinct),
    PlainSerializer(_as_written, when_used="json"),
]
"""A fixed scalar or a list of distinct choices; always a tuple once validated."""

PerChannel = Annotated[
    tuple[T, ...],
    Strict(False),
    Field(min_length=1, max_length=3),
    BeforeValidator(_as_tuple),
    PlainSerializer(_per_channel_as_written, when_used="json"),
]
"""One value for all channels, or a list of one per channel; always a tuple once validated."""
