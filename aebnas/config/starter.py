"""The file that ``aebnas init`` writes: every field, its default, and what it means.

Fields and comments come from the schemas, so that the file cannot go stale; only
the values of a first example stand here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aebnas.config.fields import is_tagged, section_in, sections_in
from aebnas.config.resolved import flow
from aebnas.config.schema import SearchFile
from aebnas.config.tagged import kind_names

HEADER = """\
# Search-space file of AEBNAS: data, what can be built, what is minimised, how it is searched.
# A scalar fixes a value; in `space`, a list makes it a gene that the search decides.
# Every field is listed with a comment; whatever equals its default may be deleted.
# null: not set.  Change single values from the command line: --set search.generations=20
"""

EXAMPLE: Mapping[str, Any] = {
    "name": "mnist5k",
    "data": {"name": "mnist5k", "split": {"train": 0.6, "calibrate": 0.2, "select": 0.2}},
    "space": {
        "resolution": 28,
        "stem": {"stride": 2, "width": [8, 12, 16]},
        "stages": [
            {
                "depth": [1, 2],
                "width": [8, 12, 16],
                "block": {
                    "type": ["residual", "mbconv"],
                    "kernel": [3, 5],
                    "expansion": [2, 4],
                    "se": [False, True],
                },
            },
            {
                "depth": [1, 2],
                "width": [16, 24, 32],
                "stride": 2,
                "block": {"type": ["residual", "mbconv"], "kernel": [3, 5], "expansion": [2, 4]},
            },
            {"depth": [1, 2], "width": [32, 48, 64], "stride": 2, "block": {"type": "residual"}},
        ],
        "exits": {
            "after": ["stage1", "stage2"],
            "branch": {
                "modules": [0, 1, 2, 3],
                "module": {
                    "type": ["conv", "dwconv", "mbconv"],
                    "kernel": [3, 5],
                    "width": [0.5, 1, 2],
                    "pool": ["none", "max2"],
                },
            },
        },
    },
    "constraints": {"macs": {"max": 3e6}, "accuracy": {"min": 0.9}},
    "workers": {"gpus_per_worker": 0},
}
"""What the starter gives that is no default."""

WIDTH = 110
COMMENT_COLUMN = 36


def starter_file() -> str:
    """Return a complete search-space file for mnist5k in which every field is explained."""
    lines = list(_section(SearchFile, EXAMPLE, ""))
    return HEADER + "\n".join(lines) + "\n"


def _section(section: type[BaseModel], given: Mapping[str, Any], indent: str) -> Iterator[str]:
    defaults = section.model_construct().model_dump(mode="json", warnings=False)
    for name, field in section.model_fields.items():
        if not indent and name != "name":
            yield ""
        value = given.get(name, defaults.get(name))
        yield from _field(name, field, value, given.get(name), indent)


def _field(name: str, field: FieldInfo, value: Any, given: Any, indent: str) -> Iterator[str]:
    section = section_in(field.annotation)
    if is_tagged(sections_in(field.annotation)):
        yield from _line(f"{indent}{name}: {_short(value['name'])}", field, indent)
        yield from _options(field, indent)
    elif section is None or not value:
        yield from _line(f"{indent}{name}: {_short(value)}", field, indent)
    elif isinstance(value, list):
        yield from _line(f"{indent}{name}:", field, indent)
        yield from _items(section, value, f"{indent}  ")
    elif get_origin(field.annotation) is dict:
        yield from _line(f"{indent}{name}:", field, indent)
        yield from (f"{indent}  {key}: {_short(entry)}" for key, entry in value.items())
    else:
        yield from _line(f"{indent}{name}:", field, indent)
        yield from _section(section, given or {}, f"{indent}  ")


def _options(field: FieldInfo, indent: str) -> Iterator[str]:
    """Yield a comment for every option of sections that are told apart by their name."""
    owners: dict[tuple[str, str, str], list[str]] = {}
    for section in sections_in(field.annotation):
        defaults = section.model_construct().model_dump(mode="json", warnings=False)
        for option, inner in section.model_fields.items():
            if option != "name":
                default = defaults[option]
                shown = _short(default["name"] if is_tagged(sections_in(inner.annotation)) else default)
                owners.setdefault((option, shown, inner.description or ""), []).extend(kind_names(section))
    section_names = [name for section in sections_in(field.annotation) for name in kind_names(section)]
    yield f"{indent}# One of {', '.join(section_names)}. Their options:"
    for (option, shown, description), names in owners.items():
        yield f"{indent}# {', '.join(names)}: {{{option}: {shown}}}"
        yield f"{indent}#   {description}"


def _items(section: type[BaseModel], items: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    """Yield the first item with every field explained, the others on one line each."""
    first = list(_section(section, items[0], f"{indent}  "))
    yield from _dashed(first, indent)
    yield from (f"{indent}- {_short(item)}" for item in items[1:])


def _dashed(lines: Sequence[str], indent: str) -> Iterator[str]:
    keys = [i for i, line in enumerate(lines) if not line.lstrip().startswith("#")]
    for i, line in enumerate(lines):
        yield f"{indent}- {line[len(indent) + 2 :]}" if i == keys[0] else line


def _line(text: str, field: FieldInfo, indent: str) -> Iterator[str]:
    """Yield the field with its comment behind it, or above it where the line would be too long."""
    comment = " ".join((field.description or "").replace("``", "").split())
    choices = _choices(field.annotation)
    has_all = all(choice in comment for choice in choices) or len(choices) < 2
    rest = "" if has_all else f"One of {', '.join(choices)}."
    beside = f"{text:<{COMMENT_COLUMN}}  # {comment} {rest}".rstrip()
    if len(beside) <= WIDTH:
        yield beside
        return
    above = f"{indent}# {comment} {rest}".rstrip()
    if len(above) <= WIDTH:
        yield above
    else:
        yield from (f"{indent}# {part}" for part in (comment, rest))
    yield text


def _choices(annotation: Any) -> list[str]:
    """Return the words that a field chooses from."""
    if get_origin(annotation) is Literal:
        return [choice for choice in get_args(annotation) if isinstance(choice, str)]
    if section_in(annotation):
        return []
    return [choice for argument in get_args(annotation) for choice in _choices(argument)]


def _short(value: Any) -> str:
    if isinstance(value, float) and value >= 1e5 and value == float(f"{value:.0e}"):
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items()) + "}"
    return flow(value)
