"""The YAML that AEBNAS reads: 1.1 without its surprises.

Only ``true`` and ``false`` are booleans, ``3e6`` is a number, ``010`` is not 8, a
date is text; tags, several documents and deep nesting are refused.  Whatever the
bytes are, the outcome is a node or a ``ConfigError`` with its location.
"""

from __future__ import annotations

import re

import yaml
from yaml.nodes import Node

from aebnas.errors import ConfigError
from aebnas.files.source_locations import LocationOfLine
from aebnas.files.text import NoTextError, text_of

MAX_BYTES = 256 * 1024
MAX_DEPTH = 30

TAG = "tag:yaml.org,2002:"
SCALARS: list[tuple[str, re.Pattern[str]]] = [
    (TAG + "null", re.compile(r"(?:~|null|)\Z")),
    (TAG + "bool", re.compile(r"(?:true|false)\Z")),
    (TAG + "int", re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")),
    (
        TAG + "float",
        re.compile(
            r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
    ),
]
"""Tag and pattern of every plain scalar that is not text."""


class _Loader(yaml.SafeLoader):
    """Composes nodes with our scalars, without tags and not too deep."""

    yaml_implicit_resolvers = {None: SCALARS}  # noqa: RUF012 - PyYAML reads it from the class
    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise yaml.composer.ComposerError(
                None, None, f"tags such as {tag} are not allowed", event.start_mark
            )
        if self.depth >= MAX_DEPTH:
            raise yaml.composer.ComposerError(
                None, None, f"nested more than {MAX_DEPTH} levels deep", event.start_mark
            )
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def compose(content: bytes, location_of: LocationOfLine) -> Node | None:
    """Return the root node of the one YAML document in ``content``; None if it is empty.

    Raises:
        ConfigError: These bytes are no single YAML document of sane size.
    """
    text = _decode(content, location_of)
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"character 0x{code:02x} is not allowed in YAML"
        raise ConfigError(f"{location_of(line).text}: {message}") from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax_error(error, loader, location_of)) from None
    except (ValueError, OverflowError):  # PyYAML on an escape such as "\UFFFFFFFF"
        raise ConfigError(
            f"{location_of(loader.get_mark().line + 1).text}: not valid YAML: bad escape"
        ) from None
    finally:
        loader.dispose()


def _syntax_error(error: yaml.MarkedYAMLError, loader: _Loader, location_of: LocationOfLine) -> str:
    mark = error.problem_mark or error.context_mark or loader.get_mark()
    problem = (error.problem or "cannot be read").replace("<stream end>", "end of file")
    message = f"{location_of(mark.line + 1).text}: not valid YAML: {problem}"
    if "found another document" in problem:
        message = f"{location_of(mark.line + 1).text}: a second document begins; a file holds one"
    elif error.context and error.context_mark and error.context_mark.line != mark.line:
        message += f" ({error.context} that begins in line {error.context_mark.line + 1})"
    if r"'\t'" in problem:
        message += "; indent with spaces, not tabs"
    return message


def _decode(content: bytes, location_of: LocationOfLine) -> str:
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"{location_of(1).text}: larger than {MAX_BYTES // 1024} KiB: not a search-space file"
        )
    try:
        return text_of(content)
    except NoTextError as error:
        raise ConfigError(f"{location_of(error.line).text}: {error}") from None
