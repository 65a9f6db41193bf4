"""What the schemas know about a path: its section's fields, its documentation, its home."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aebnas.config.choices import Path
from aebnas.config.schema import SearchFile


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that an annotation holds, alone, in a list or in a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, (section_in(argument) for argument in get_args(annotation))), None)


def section_at(path: Path) -> type[BaseModel] | None:
    """Return the section that ``path`` leads to, or None where it leads to a value."""
    section: type[BaseModel] | None = SearchFile
    for part in path:
        field = _field(section, part)
        if field is not None:
            section = section_in(field.annotation)
        # else an index or an entry of a mapping: the section is that of the items
    return section


def field_names(path: Path) -> list[str]:
    """Return the names of the fields of the section at ``path``."""
    section = section_at(path)
    return list(section.model_fields) if section else []


def documentation(path: Path) -> str:
    """Return the documentation of the field at ``path``."""
    field = _field(section_at(path[:-1]), path[-1])
    return (field.description if field else None) or "see `aebnas init`"


def has_default(path: Path) -> bool:
    """Whether the field at ``path`` may be left out."""
    field = _field(section_at(path[:-1]), path[-1]) if path else None
    return field is not None and not field.is_required()


def home_of(name: str) -> str | None:
    """Return where a field of that name stands, if it stands in one place alone."""
    homes = [path for path in _fields(SearchFile, "") if path.rpartition(".")[2] == name]
    return homes[0] if len(homes) == 1 else None


def _field(section: type[BaseModel] | None, part: str | int) -> FieldInfo | None:
    return section.model_fields.get(part) if section and isinstance(part, str) else None


def _fields(section: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield prefix + name
        inner = section_in(field.annotation)
        if inner:
            yield from _fields(inner, f"{prefix}{name}.")
