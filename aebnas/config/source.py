"""Reading a search-space file: every error has its line, all are told at once.

The only place of this room that touches the file system.  Must not import torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path as FilePath

from pydantic import ValidationError

from aebnas.config.messages import explain, shown_value
from aebnas.config.outside import names_in
from aebnas.config.overrides import apply_overrides
from aebnas.config.schema import SearchFile
from aebnas.config.sections.fidelities.plan import SHORT, spelled_out
from aebnas.errors import ConfigError
from aebnas.extensions.consent import look_in
from aebnas.files.document import Document, read_document
from aebnas.files.source_locations import lines_of
from aebnas.files.yaml_syntax import MAX_BYTES


def load(path: str | PathLike[str], overrides: Sequence[str] = ()) -> SearchFile:
    """Read a search-space file.

    Args:
        path: The YAML file.
        overrides: Settings ``"search.generations=20"`` that replace the file's values.

    Code that the file names as ``package.module:Name`` is looked for in the file's folder first.  It is
    loaded where that is allowed (``aebnas.allow_code``); elsewhere names are kept, and options not checked.

    Returns:
        The validated configuration, with every default filled in.

    Raises:
        ConfigError: The file cannot be read or is wrong; one line per mistake,
            each beginning with ``FILE:LINE`` or the override at fault.
    """
    document = _document(_read(fspath(path)), fspath(path), overrides)
    if not names_in(document.tree):
        return _validate(document)
    folder = document.tree.get("code_folder") or FilePath(path).parent
    if isinstance(folder, str | FilePath):
        look_in(folder)
    config = _validate(document)
    absolute = str(FilePath(folder).expanduser().absolute())
    return config.model_copy(update={"code_folder": absolute})


def parse(content: bytes, name: str, overrides: Sequence[str] = ()) -> SearchFile:
    """Validate the content of a search-space file; ``name`` stands for it in messages.

    Raises:
        ConfigError: As for ``load``.
    """
    return _validate(_document(content, name, overrides))


def _document(content: bytes, name: str, overrides: Sequence[str]) -> Document:
    document = read_document(content, lines_of(name))
    if document.tree is None:
        raise ConfigError(f"{name}:1: the file is empty. Write a complete one: aebnas init")
    if not isinstance(document.tree, dict):
        got = shown_value(document.tree)
        raise ConfigError(f"{name}:1: must consist of sections (key: value), but got {got}")
    spell_out(document)
    apply_overrides(document, overrides)
    spell_out(document)
    return document


def spell_out(document: Document) -> None:
    """Write short forms of fidelities out: each option is set, and named in messages, by its path."""
    evaluation = document.tree.get("evaluation")
    items = evaluation.get("fidelities") if isinstance(evaluation, dict) else None
    if not isinstance(items, list):
        return
    for i, item in enumerate(items):
        items[i] = spelled_out(item)
        for new in items[i] if isinstance(items[i], dict) else ():
            path, old = ("evaluation", "fidelities", i), SHORT.get(str(items[i].get("kind")))
            if new == old and (*path, items[i]["kind"]) in document.locations:
                document.locations[(*path, new)] = document.locations.pop((*path, items[i]["kind"]))


def _validate(document: Document) -> SearchFile:
    problems = list(document.problems)
    config = None
    try:
        config = SearchFile.model_validate(document.tree)
    except ValidationError as error:
        problems += explain(error, document)
    if config is None or problems:
        lines = map(str, sorted(problems, key=lambda problem: problem.location))
        raise ConfigError("\n".join(dict.fromkeys(lines)))
    return config


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file. {_nearest_file(FilePath(path))}Write one: aebnas init"
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory, not a search-space file") from None
    except PermissionError:
        raise ConfigError(f"{path}: may not be read: permission denied") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(f"{path!r}: cannot be read: {error}") from None


def _nearest_file(path: FilePath) -> str:
    try:
        names = [file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml")]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {str(path.with_name(near[0]))!r}? " if near else ""
