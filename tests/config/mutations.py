"""Search-space files that are wrong by construction, made from one that is right.

``mutations(text, seed, count)`` is deterministic.  Every kind below says in its
docstring why no file it makes can be valid, whatever the valid file was.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

NONSENSE = "qqxyz"
"""Part of no field, choice or dataset of AEBNAS."""


class Entry(NamedTuple):
    """A key with its value, or a list item without key, and where it stands."""

    path: tuple[str, ...]
    key: ScalarNode | None
    value: Node
    is_in_flow: bool

    def is_free_text(self) -> bool:
        """Whether any word would do here: places of a network are known once it is loaded."""
        head, *_, last = self.path[0], self.path[-1]
        is_name = self.path == ("name",) or (head == "space" and last == "name")
        is_place = self.path[:3] == ("space", "exits", "after") and "." in str(self.value.value)
        return is_name or is_place or last in ("folder", "npz", "root", "address")


Mutator = Callable[[str, list[Entry], random.Random], str | bytes]


def mutations(text: str, seed: int, count: int) -> list[tuple[str, bytes]]:
    """Return ``count`` distinct wrong files with the kind of each, the kinds taking turns."""
    entries = list(_entries(yaml.compose(text), (), False))
    rng = random.Random(seed)
    found: dict[bytes, str] = {}
    attempt = 0
    while len(found) < count:
        mutate = KINDS[attempt % len(KINDS)]
        made = mutate(text, entries, rng)
        found.setdefault(made if isinstance(made, bytes) else made.encode(), mutate.__name__)
        attempt += 1
        if attempt > 50 * count:
            raise ValueError(f"only {len(found)} distinct mutations found, but {count} wanted")
    return [(kind, content) for content, kind in found.items()]


def renamed_key(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Append nonsense to a key: every section forbids unknown fields, constraints have a fixed vocabulary."""
    key = rng.choice([entry.key for entry in entries if entry.key])
    return _replace(text, key, key.value + NONSENSE)


def misspelled_value(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put a nonsense word where a number, a boolean, a choice or the name of a stage stands.

    No vocabulary holds the word; no stage bears it, since names of stages stay as they are.
    """
    return _replace(text, rng.choice(_scalars(entries)).value, NONSENSE)


def negative_number(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put -7 for a number: no quantity of the schema may be below 0."""
    return _replace(text, rng.choice(_numbers(entries)).value, "-7")


def endless_number(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put an infinite, undefined or absurd number: the reader takes finite ones below 2**63 alone."""
    number = rng.choice([".inf", "-.inf", ".nan", "1e999", "9" * 30])
    return _replace(text, rng.choice(_numbers(entries)).value, number)


def quoted_number(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Quote a number: it becomes text, and no field takes both numbers and that text."""
    node = rng.choice(_numbers(entries)).value
    return _replace(text, node, f"'{node.value}'")


def boolean_number(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put true for a number: no field takes both numbers and booleans."""
    return _replace(text, rng.choice(_numbers(entries)).value, "true")


def fake_boolean(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put what older YAML took for a boolean: only true and false are."""
    booleans = [entry for entry in _scalars(entries) if entry.value.value in ("true", "false")]
    word = rng.choice(["yes", "no", "on", "off", "1", "0", "'true'", "True", "FALSE"])
    return _replace(text, rng.choice(booleans or _numbers(entries)).value, word if booleans else "yes")


def section_for_value(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put a section where a scalar stands: no field takes both."""
    scalars = [entry for entry in entries if isinstance(entry.value, ScalarNode) and _is_set(entry)]
    return _replace(text, rng.choice(scalars).value, f"{{{NONSENSE}: 1}}")


def value_for_section(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Put a number where a section or a list of sections stands: no field takes both."""
    sections = [entry for entry in entries if isinstance(entry.value, MappingNode)]
    return _replace(text, rng.choice(sections).value, "12.5\n")


def missing_required(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Delete a required field: whichever way the rest parses, the field is not there."""
    wanted = {("name",), ("data",), ("space",), ("space", "stages")}
    required = [
        e for e in entries if e.path in wanted or (e.path[:2] == ("space", "stages") and _is_width(e))
    ]
    entry = rng.choice(required)
    return text[: entry.key.start_mark.index] + text[entry.value.end_mark.index :]


def duplicate_key(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Write a key twice in one section: the reader refuses that whatever the values."""
    entry = rng.choice([entry for entry in entries if entry.key])
    start = entry.key.start_mark
    gap = ", " if entry.is_in_flow else "\n" + " " * start.column
    return f"{text[: start.index]}{entry.key.value}: null{gap}{text[start.index :]}"


def random_bytes(text: str, entries: list[Entry], rng: random.Random) -> bytes:
    """Insert bytes that occur in no UTF-8 text, or control characters that no YAML may hold."""
    content = text.encode()
    bad = [
        b"\xff",
        b"\xc0\xaf",
        b"\xfe\xff",
        b"\x00",
        b"\x07\x1b",
        b"\xed\xa0\x80",
        rng.randbytes(40) + b"\xff",
    ]
    noise = rng.choice(bad)
    at = rng.randrange(len(content) + 1)
    return content[:at] + noise + content[at:]


def truncated(text: str, entries: list[Entry], rng: random.Random) -> str:
    """End the file inside brackets: they are never closed."""
    flows = [e.value for e in entries if isinstance(e.value, CollectionNode) and e.value.flow_style]
    node = rng.choice([node for node in flows if node.value])
    return text[: rng.randrange(node.start_mark.index + 1, node.end_mark.index)]


def tab_indent(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Begin the line of a top-level key with a tab: YAML forbids tabs as indentation."""
    key = rng.choice([entry.key for entry in entries if len(entry.path) == 1 and entry.key])
    return f"{text[: key.start_mark.index]}\t{text[key.start_mark.index :]}"


def undefined_alias(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Refer to an anchor that the file does not define."""
    return _replace(text, rng.choice(_scalars(entries)).value, f"*{NONSENSE}")


def explicit_tag(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Tag a value: the reader refuses all tags, those that build Python objects above all."""
    node = rng.choice(_scalars(entries)).value
    tag = rng.choice(["!!python/name:os.system", "!!int", "!custom", "!!binary"])
    return _replace(text, node, f"{tag} {node.value}")


def open_quote(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Append a quoted word that never ends."""
    quote = rng.choice(["'", '"'])
    return f"{text}\n{NONSENSE}: {quote}{rng.randrange(10**6)}\n"


def second_document(text: str, entries: list[Entry], rng: random.Random) -> str:
    """Append a second document: a file holds one."""
    return f"{text}\n---\nname: {NONSENSE}{rng.randrange(10**6)}\n"


KINDS: tuple[Mutator, ...] = (
    renamed_key,
    misspelled_value,
    negative_number,
    endless_number,
    quoted_number,
    boolean_number,
    fake_boolean,
    section_for_value,
    value_for_section,
    missing_required,
    duplicate_key,
    random_bytes,
    truncated,
    tab_indent,
    undefined_alias,
    explicit_tag,
    open_quote,
    second_document,
)


def _entries(node: Node, path: tuple[str, ...], is_in_flow: bool) -> Iterator[Entry]:
    if not isinstance(node, CollectionNode):
        return
    is_in_flow = is_in_flow or bool(node.flow_style)
    for i, item in enumerate(node.value):
        key, value = item if isinstance(node, MappingNode) else (None, item)
        inner = (*path, key.value if key else str(i))
        yield Entry(inner, key, value, is_in_flow)
        yield from _entries(value, inner, is_in_flow)


def _scalars(entries: list[Entry]) -> list[Entry]:
    return [e for e in entries if isinstance(e.value, ScalarNode) and _is_set(e) and not e.is_free_text()]


def _numbers(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in _scalars(entries) if _is_number(entry.value.value)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_set(entry: Entry) -> bool:
    return entry.value.value not in ("", "~", "null")


def _is_width(entry: Entry) -> bool:
    return len(entry.path) == 4 and entry.path[-1] == "width"


def _replace(text: str, node: Node, new: str) -> str:
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]
