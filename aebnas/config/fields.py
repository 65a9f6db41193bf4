"""What the schemas know about a path: its section's fields, its documentation, its home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from aebnas.config.schema import SearchFile
from aebnas.files.source_locations import Path


def sections_in(annotation: Any) -> tuple[type[BaseModel], ...]:
    """Return the sections that an annotation holds, alone, in a list or in a mapping: all alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(section for argument in get_args(annotation) for section in sections_in(argument))


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that an annotation holds, of alternatives the first."""
    return next(iter(sections_in(annotation)), None)


def is_tagged(sections: Sequence[type[BaseModel]]) -> bool:
    """Return whether the sections of an annotation are told apart by a name, which is their short form."""
    names = [section.model_fields.get("name") for section in sections]
    return bool(names) and all(name and get_origin(name.annotation) is Literal for name in names)


def sections_at(path: Path, tree: Any = None) -> tuple[type[BaseModel], ...]:
    """Return the sections that ``path`` may lead to; none where it leads to a value.

    Args:
        path: From the whole file on.
        tree: The file's values: where they say which of several kinds a section is, the others are left out.
    """
    sections: tuple[type[BaseModel], ...] = (SearchFile,)
    node = tree
    for part in path:
        field = _field(sections, part)
        node = _inner(node, part)
        if field is not None:
            sections = sections_in(field.annotation)
        # else an index or an entry of a mapping: the section is that of the items
        sections = _of_kind(sections, node)
    return sections


def field_names(path: Path, tree: Any = None) -> list[str]:
    """Return the names of the fields of the section at ``path``; ``tree`` as for ``sections_at``."""
    return list(dict.fromkeys(name for section in sections_at(path, tree) for name in section.model_fields))


def documentation(path: Path, tree: Any = None) -> str:
    """Return the documentation of the field at ``path``; ``tree`` as for ``sections_at``."""
    field = _field(sections_at(path[:-1], tree), path[-1])
    return (field.description if field else None) or "see `aebnas init`"


def has_default(path: Path, tree: Any = None) -> bool:
    """Whether the field at ``path`` may be left out; ``tree`` as for ``sections_at``."""
    field = _field(sections_at(path[:-1], tree), path[-1]) if path else None
    return field is not None and not field.is_required()


def is_a_field(name: str) -> bool:
    """Return whether some section has a field of that name."""
    return any(path.rpartition(".")[2] == name for path, _ in _fields(SearchFile, ""))


def home_of(name: str, value: Any) -> str | None:
    """Return where a field of that name stands, if it is in one place alone and may have that value."""
    homes = {path: field for path, field in _fields(SearchFile, "") if path.rpartition(".")[2] == name}
    if len(homes) != 1:
        return None
    ((home, field),) = homes.items()
    return home if _takes(field, value) else None


def _takes(field: FieldInfo, value: Any) -> bool:
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])  # type: ignore[arg-type]
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def _inner(node: Any, part: str | int) -> Any:
    """Return a part of plain values; None where there is none."""
    if isinstance(node, Mapping):
        return node.get(part)
    return node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None


def _of_kind(sections: tuple[type[BaseModel], ...], node: Any) -> tuple[type[BaseModel], ...]:
    """Return the one of several sections whose kind the values name, or that has it by default; else all."""
    if not isinstance(node, Mapping) or len(sections) < 2:
        return sections
    for section in sections:
        kind = section.model_fields.get("kind")
        if kind is None or get_origin(kind.annotation) is not Literal:
            return sections
        if node.get("kind", kind.default) in get_args(kind.annotation):
            return (section,)
    return sections


def _field(sections: Sequence[type[BaseModel]], part: str | int) -> FieldInfo | None:
    fields = (section.model_fields.get(part) for section in sections if isinstance(part, str))
    return next(filter(None, fields), None)


def _fields(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield prefix + name, field
        for inner in sections_in(field.annotation):
            yield from _fields(inner, f"{prefix}{name}.")
