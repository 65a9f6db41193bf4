"""YAML in which every key and value remembers its line.

Aliases are written out and merge keys (``<<``) merged, as YAML 1.1 does; endless or exploding ones are
refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from aebnas.errors import ConfigError
from aebnas.files.source_locations import LocationOfLine, Path, Problem, SourceLocation
from aebnas.files.yaml_syntax import MAX_DEPTH, TAG, compose

MAX_VALUES = 20_000
MAX_INTEGER = 2**63
MERGE = "<<"
"""The key whose value is merged into the section around it."""
TOO_LARGE = "too large or too deep once its aliases are written out"


@dataclass
class Document:
    """The values of a file and where each was written."""

    tree: Any
    locations: dict[Path, SourceLocation]
    problems: list[Problem] = field(default_factory=list)
    """Duplicate keys, infinite numbers and the like; their values are absent or None."""

    def location(self, path: Path) -> SourceLocation:
        """Return the location of the nearest ancestor of ``path`` that is written down."""
        while path not in self.locations:
            path = path[:-1]
        return self.locations[path]


def read_document(content: bytes, location_of: LocationOfLine) -> Document:
    """Read one YAML document.

    Args:
        content: The bytes of the file.
        location_of: The location of a line, counted from 1.

    Raises:
        ConfigError: These bytes are no single YAML document of sane size.
    """
    return _Reader(location_of).read(compose(content, location_of))


@dataclass
class _Reader:
    """Turns nodes into values, and remembers locations and problems."""

    location_of: LocationOfLine
    locations: dict[Path, SourceLocation] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    open_nodes: list[Node] = field(default_factory=list)
    values: int = 0

    def read(self, root: Node | None) -> Document:
        self.locations[()] = self.location_of(1)
        tree = None if root is None else self.value(root, ())
        return Document(tree, self.locations, self.problems)

    def value(self, node: Node, path: Path) -> Any:
        location = self.locations.setdefault(path, self.location_of(node.start_mark.line + 1))
        self.values += 1
        if any(node is outer for outer in self.open_nodes):
            raise ConfigError(f"{location.text}: an alias contains itself")
        if self.values > MAX_VALUES or len(path) > MAX_DEPTH:
            raise ConfigError(f"{location.text}: {TOO_LARGE}")
        if isinstance(node, ScalarNode):
            return self.scalar(node, path)
        self.open_nodes.append(node)
        value = self.mapping(node, path) if isinstance(node, MappingNode) else self.sequence(node, path)
        self.open_nodes.pop()
        return value

    def sequence(self, node: Node, path: Path) -> list[Any]:
        items = node.value if isinstance(node, SequenceNode) else []
        return [self.value(item, (*path, i)) for i, item in enumerate(items)]

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, (line, value_node) in self.entries(node, path).items():
            self.locations[(*path, key)] = self.location_of(line)
            mapping[key] = self.value(value_node, (*path, key))
        return mapping

    def entries(self, node: MappingNode, path: Path) -> dict[str, tuple[int, Node]]:
        """Return line and value of every key; those that are merged first, as far as none is written here."""
        own: dict[str, tuple[int, Node]] = {}
        merged: dict[str, tuple[int, Node]] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                self.problem(path, line, "a key must be a word, not a list or a section")
                continue
            key, is_merge = key_node.value, key_node.value == MERGE and key_node.style is None
            if key in first:
                cure = f". Merge several at once: {MERGE}: [*one, *other]" if is_merge else ""
                self.problem(path, line, f"key {key!r} is given twice, first in line {first[key]}{cure}")
                continue
            first[key] = line
            if is_merge:
                merged = self.merged(value_node, path, line)
            else:
                own[key] = (line, value_node)
        return {key: entry for key, entry in merged.items() if key not in own} | own

    def merged(self, node: Node, path: Path, line: int) -> dict[str, tuple[int, Node]]:
        """Return the entries of one section or of several; of equal keys the first section's."""
        merged: dict[str, tuple[int, Node]] = {}
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(part, MappingNode):
                law = f"{MERGE} merges a section (*name) or a list of sections ([*one, *other])"
                self.problem(path, part.start_mark.line + 1, f"{law}, but got {_kind(part)}")
                continue
            location = self.location_of(line)
            if any(part is outer for outer in self.open_nodes):
                raise ConfigError(f"{location.text}: an alias contains itself")
            self.values += 1 + len(part.value)  # an empty section costs time as well
            if self.values > MAX_VALUES or len(self.open_nodes) > 2 * MAX_DEPTH:
                raise ConfigError(f"{location.text}: {TOO_LARGE}")
            self.open_nodes.append(part)
            for key, entry in self.entries(part, path).items():
                merged.setdefault(key, entry)
            self.open_nodes.pop()
        return merged

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        kind, text = node.tag.removeprefix(TAG), node.value
        if kind == "null":
            return None
        if kind == "bool":
            return text == "true"
        if kind not in ("int", "float"):
            if any("\ud800" <= character <= "\udfff" for character in text):
                self.problem(path, node.start_mark.line + 1, "half of a surrogate pair is not text")
            return text
        number: float = float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        if not math.isfinite(number) or (kind == "int" and abs(number) >= MAX_INTEGER):
            self.problem(
                path, node.start_mark.line + 1, f"must be a finite number of sane size, but got {text:.40}"
            )
            return None
        return int(text.replace("_", "")) if kind == "int" else number

    def problem(self, path: Path, line: int, message: str) -> None:
        self.problems.append(Problem(self.location_of(line), path, message))


def _kind(node: Node) -> str:
    return "a list" if isinstance(node, SequenceNode) else repr(str(node.value)[:40])
