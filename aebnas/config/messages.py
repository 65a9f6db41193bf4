"""From validation errors to lines a user can act on.

``FILE:LINE: FIELD: what is wrong, the value, the nearest valid one, the choices``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aebnas.config.choices import SEVERAL_FIELDS, did_you_mean
from aebnas.config.fields import documentation, field_names, has_default, home_of, is_a_field
from aebnas.config.moved import replacement, replacement_at_home
from aebnas.files.document import Document
from aebnas.files.source_locations import Path, Problem

TYPES_IN_WORDS = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "choices_type": "a value or a list of choices",
    "dict_type": "a section (key: value)",
    "model_type": "a section (key: value)",
    "finite_number": "a finite number",
}
"""What a wrong type should have been."""

LAWS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}
"""Sign of a broken law, and where the error holds the limit."""

PATTERNS = {r"^[A-Za-z][A-Za-z0-9_]*$": "a letter, then letters, digits or _"}
"""Patterns in words."""


class Finding(NamedTuple):
    """A validation error, placed in the document."""

    path: Path
    """The part of the error's location that the document has."""
    union: Path | None
    """The field whose alternatives disagree, if the field has alternatives."""
    error: ErrorDetails


def explain(error: ValidationError, document: Document) -> list[Problem]:
    """Return one problem per wrong field of ``document``."""
    findings = [_locate(detail, document.tree) for detail in error.errors(include_url=False)]
    findings = [f for f in findings if not _is_echo(f, findings) and not _follows(f, document.problems)]
    unions: defaultdict[Path, list[Finding]] = defaultdict(list)
    problems: list[Problem] = []
    for finding in findings:
        if finding.union is None:
            problems += _problems(finding, document)
        else:
            unions[finding.union].append(finding)
    for path, alternatives in unions.items():
        problems += _union_problems(path, alternatives, document)
    return problems


def shown_value(value: Any) -> str:
    """Return ``value`` as YAML would write it, on one line and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing (null)"
    if isinstance(value, dict):
        return f"a section with {', '.join(map(repr, list(value)[:5]))}" if value else "an empty section"
    is_list = isinstance(value, list | tuple)
    text = f"[{', '.join(map(shown_value, value[:10]))}]" if is_list else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _locate(error: ErrorDetails, tree: Any) -> Finding:
    loc = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
    path: Path = ()
    node, union = tree, None
    for part in loc:
        is_key = isinstance(node, dict) and part in node
        is_index = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if is_key or is_index:
            path, node = (*path, part), node[part]
        elif isinstance(part, str) and part != "[key]" and not _is_tag(part, node):
            union = path  # pydantic names the alternative that it tried
        # else the index into a scalar that became a list: the file has the scalar alone
    return Finding(path, union, error)


def _is_tag(part: str, node: Any) -> bool:
    """Whether pydantic names the alternative that the section itself chose by its kind."""
    return isinstance(node, dict) and node.get("kind") == part


def _is_echo(finding: Finding, findings: list[Finding]) -> bool:
    """Whether pydantic calls a list too short only because its items are wrong."""
    loc = finding.error["loc"]
    return finding.error["type"] == "too_short" and any(
        len(other.error["loc"]) > len(loc) and other.error["loc"][: len(loc)] == loc for other in findings
    )


def _follows(finding: Finding, problems: list[Problem]) -> bool:
    """Whether reading the file told the cause already, such as an infinite number."""
    depth = len(finding.path)
    is_about_names = finding.error["type"] in ("missing", "extra_forbidden")
    return not is_about_names and any(problem.path[:depth] == finding.path for problem in problems)


def _problems(finding: Finding, document: Document) -> list[Problem]:
    path, error = finding.path, finding.error
    if error["type"] == SEVERAL_FIELDS:
        full = [((*path, *relative), message) for relative, message in error["ctx"]["wrong"]]
        return [Problem(document.location(wrong), wrong, message) for wrong, message in full]
    if error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",):
        return [_unknown(path, error, document)]
    return [Problem(document.location(path), path, _sentence(path, error, document.tree))]


def _unknown(path: Path, error: ErrorDetails, document: Document) -> Problem:
    """Return what to say of a key that no field has: its new name, its home, or the nearest one."""
    tree, is_entry = document.tree, error["type"] == "literal_error"
    home = None if is_entry else home_of(str(path[-1]), _at(path, tree))
    new_spelling = replacement(path, tree)
    if new_spelling is None and not is_entry and not is_a_field(str(path[-1])):
        new_spelling = replacement_at_home(path, tree)
    if new_spelling is not None:
        return Problem(document.location(path), path, new_spelling)
    return Problem(document.location(path), path[:-1], _unknown_key(str(path[-1]), path, error, tree, home))


def _unknown_key(key: str, path: Path, error: ErrorDetails, tree: Any, home: str | None) -> str:
    is_entry = error["type"] == "literal_error"
    names = _choices(error) if is_entry else field_names(path[:-1], tree)
    near = did_you_mean(key, names)
    if not near and home:
        is_here = home == ".".join(str(part) for part in path if isinstance(part, str))
        near = "Another kind of this section has it. " if is_here else f"It belongs to {home}. "
    kind = "entry" if is_entry else "field"
    return (
        f"unknown {kind} {shown_value(key)}. {near}{'Entries' if is_entry else 'Fields'}: {', '.join(names)}."
    )


def _at(path: Path, tree: Any) -> Any:
    node = tree
    for part in path:
        node = node[part]
    return node


def _sentence(path: Path, error: ErrorDetails, tree: Any) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "missing":
        name = error["loc"][-1]
        return f"field {name!r} is missing: {documentation((*path, name), tree)}"
    if kind == "literal_error":
        choices = _choices(error)
        more = f", or {context['or']}" if "or" in context else ""
        choice = f"{_nearest(value, choices)}Choices: {', '.join(choices)}{more}."
        return f"unknown value {shown_value(value)}. {choice}"
    if kind in TYPES_IN_WORDS:
        cure = "; delete the line to take the default" if value is None and has_default(path, tree) else ""
        return f"must be {TYPES_IN_WORDS[kind]}, but got {shown_value(value)}{cure}"
    if kind in LAWS:
        sign, key = LAWS[kind]
        limit = context[key] if isinstance(context[key], int) else f"{context[key]:g}"
        return f"must be {sign} {limit}, but got {shown_value(value)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS.get(context['pattern'], context['pattern'])}, but got {shown_value(value)}"
    if kind in ("too_short", "string_too_short"):
        return f"needs at least {_amount(kind, context['min_length'])}, but got {shown_value(value)}"
    if kind in ("too_long", "string_too_long"):
        return f"may have at most {_amount(kind, context['max_length'])}, but got {len(value)}"
    return f"{error['msg']}, but got {shown_value(value)}"


def _amount(kind: str, count: int) -> str:
    noun = "character" if kind.startswith("string") else "value"
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _choices(error: ErrorDetails) -> list[str]:
    return [choice.strip("'") for choice in re.split(r", | or ", error["ctx"]["expected"])]


def _nearest(value: Any, choices: list[str]) -> str:
    numbers = [choice for choice in choices if choice.isdigit()]
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        return f"The nearest is {min(numbers, key=lambda choice: abs(int(choice) - value))}. "
    return did_you_mean(str(value), choices) if isinstance(value, str) else ""


def _union_problems(path: Path, alternatives: list[Finding], document: Document) -> list[Problem]:
    """Say once what a field with alternatives, such as a number or 'auto', should be."""
    deepest = max(len(finding.path) for finding in alternatives)
    inner = [finding for finding in alternatives if len(finding.path) == deepest > len(path)]
    broken_laws = [
        f
        for f in alternatives
        if f.error["type"] not in TYPES_IN_WORDS and f.error["type"] != "literal_error"
    ]
    telling = inner or broken_laws
    if telling:
        return [
            Problem(document.location(f.path), f.path, _sentence(f.path, f.error, document.tree))
            for f in telling
        ]
    choices = [word for f in alternatives if f.error["type"] == "literal_error" for word in _choices(f.error)]
    kinds = [TYPES_IN_WORDS[f.error["type"]] for f in alternatives if f.error["type"] in TYPES_IN_WORDS]
    value = alternatives[0].error["input"]
    near = f". {_nearest(value, choices)}".rstrip() if isinstance(value, str) else ""
    expected = " or ".join(kinds + [repr(word) for word in choices])
    return [Problem(document.location(path), path, f"must be {expected}, but got {shown_value(value)}{near}")]
