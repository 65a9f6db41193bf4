"""A resolved configuration as text, and what differs between two.

``runs/NAME/config.yaml`` holds the first; ``aebnas resume`` reports the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from aebnas.config.schema import SearchFile
from aebnas.files.source_locations import Path
from aebnas.files.yaml_text import PlainDumper

WIDTH = 110


class _Absent:
    """Stands for a value that only one of two configurations has."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


class Difference(NamedTuple):
    """One value that two configurations do not share."""

    path: str
    """Dotted path, as ``--set`` takes it."""
    old: Any
    """Value in the old one, or ``ABSENT``."""
    new: Any
    """Value in the new one, or ``ABSENT``."""

    def __str__(self) -> str:
        """Return ``training.epochs: 8 -> 10``."""
        return f"{self.path}: {flow(self.old)} -> {flow(self.new)}"


def resolved(config: SearchFile) -> str:
    """Return the whole configuration, every default written out, as YAML that loads to an equal one."""
    return yaml.dump(
        config.model_dump(mode="json"),
        Dumper=PlainDumper,
        default_flow_style=None,
        sort_keys=False,
        width=WIDTH,
    )


def config_differences(old: SearchFile, new: SearchFile) -> list[Difference]:
    """Return the values that differ, in the order of the file; empty if the two are equal."""
    return plain_differences(old.model_dump(mode="json"), new.model_dump(mode="json"))


def plain_differences(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """Return the values that differ between two nested mappings of plain values, in their order."""
    return list(_differences(old, new, ()))


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if value is ABSENT:
        return repr(value)
    text: str = yaml.dump(
        value, Dumper=PlainDumper, sort_keys=False, default_flow_style=True, width=float("inf")
    )
    return text.removesuffix("...\n").strip()


def _differences(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    """Yield the values that differ; a list of sections is walked, a list of choices is a value."""
    before, after = _entries(old), _entries(new)
    if (before or after) and not _are_alternatives(before, after):
        for key in dict.fromkeys([*before, *after]):
            yield from _differences(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif _is_of_sections(old) or _is_of_sections(new):
        items = [dict(enumerate(value)) if _is_of_sections(value) else {} for value in (old, new)]
        for i in dict.fromkeys([*items[0], *items[1]]):
            yield from _differences(items[0].get(i, ABSENT), items[1].get(i, ABSENT), (*path, i))
    elif old != new:
        yield Difference(".".join(map(str, path)), old, new)


def _entries(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _are_alternatives(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether these are sections of different kinds, or choices and one: each is a value then."""
    fields = set(before), set(after)
    return all(fields) and fields[0] != fields[1] and bool({"name", "choices"} & (fields[0] | fields[1]))


def _is_of_sections(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
