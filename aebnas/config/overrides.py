"""``--set search.generations=20``: values of the command line over those of the file.

They change the tree before it is validated, so that they obey the same laws, and
an error names the option instead of a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aebnas.config.fields import is_tagged, sections_at
from aebnas.errors import ConfigError
from aebnas.files.document import Document, read_document
from aebnas.files.source_locations import Path, SourceLocation

AFTER_EVERY_LINE = 2**40


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Write ``PATH=VALUE`` settings into the document, in order.

    Args:
        document: The file's values; must be a mapping.
        overrides: Settings such as ``"objectives=[error, params]"`` or
            ``"space.stages.0.width=[8, 16]"``; the value is YAML.

    Raises:
        ConfigError: They are no list of texts, or a setting is malformed or leads through something
            that is no section.
    """
    if isinstance(overrides, str) or not all(isinstance(override, str) for override in overrides):
        raise ConfigError(
            f"overrides must be a list of texts, as in ['search.generations=20'], but got {overrides!r}"
        )
    for number, override in enumerate(overrides):
        shown = override if len(override) <= 80 and override.isprintable() else repr(override)[:80]
        _apply(document, override, SourceLocation(AFTER_EVERY_LINE + number, f"--set {shown}"))


def _apply(document: Document, override: str, location: SourceLocation) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(
            f"{location.text}: must look like search.generations=20 (field, equals sign, value)"
        )
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{location.text}: the value is not UTF-8 text") from None
    value = read_document(content, lambda _line: location)
    path, parent = _parent(document, keys, location)
    last = _key(parent, path, keys[-1], location)
    path = (*path, last)
    parent[last] = value.tree
    _forget(document, path)
    document.locations |= {(*path, *inner): at for inner, at in value.locations.items()}
    document.problems += [problem._replace(path=(*path, *problem.path)) for problem in value.problems]


def _parent(document: Document, keys: list[str], location: SourceLocation) -> tuple[Path, Any]:
    """Walk to the section or list that holds the last key; absent sections are made."""
    node, path = document.tree, ()
    walked: Path = path
    for key in keys[:-1]:
        part = _key(node, walked, key, location)
        walked = (*walked, part)
        if isinstance(node, dict) and node.get(str(part)) is None:
            node[str(part)] = {}
            document.locations[walked] = location
        if isinstance(node[part], str) and is_tagged(sections_at(walked)):
            node[part] = {"name": node[part]}  # the name alone is the short form of such a section
        node = node[part]
    return walked, node


def _key(node: Any, path: Path, key: str, location: SourceLocation) -> str | int:
    where = ".".join(map(str, path))
    if isinstance(node, list):
        if key.isdecimal() and int(key) < len(node):
            return int(key)
        raise ConfigError(
            f"{location.text}: {where} has {len(node)} elements, counted from 0, but got {key!r}"
        )
    if not isinstance(node, dict):
        raise ConfigError(f"{location.text}: {where} is a value, not a section: it has no {key!r}")
    if key.isdecimal():
        raise ConfigError(
            f"{location.text}: {where or 'the file'} is not written as a list: set it as a whole"
        )
    return key


def _forget(document: Document, path: Path) -> None:
    """Drop the locations and problems of what ``path`` held before."""
    depth = len(path)
    document.locations = {old: at for old, at in document.locations.items() if old[:depth] != path}
    document.problems = [old for old in document.problems if old.path[:depth] != path]
