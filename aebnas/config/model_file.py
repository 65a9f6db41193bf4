"""Reading any YAML file of ours into a model: every error with its file and line.

Must not import torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from aebnas.config.choices import SEVERAL_FIELDS, did_you_mean
from aebnas.config.messages import shown_value
from aebnas.config.moved import replacement
from aebnas.errors import AebnasError, ConfigError
from aebnas.extensions.consent import look_in
from aebnas.files.document import Document, read_document
from aebnas.files.source_locations import Problem, lines_of
from aebnas.files.yaml_syntax import MAX_BYTES

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M], what: str, raised: type[AebnasError] = ConfigError) -> M:
    """Read a YAML file into a model.

    Args:
        path: The file.
        model: What it must describe.
        what: What the file is, for messages: ``no winner file. Winners lie in runs/NAME/winners/``.
        raised: What is raised; ``RunError`` for a file of ours that no one is asked to write.

    Raises:
        AebnasError: It cannot be read or is wrong; one line per mistake, with ``FILE:LINE``.
    """
    try:
        return _read(path, model, what)
    except ConfigError as error:
        raise raised(str(error)) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise raised(f"{path}: damaged ({type(error).__name__}); {what}") from error


def _read(path: Path, model: type[M], what: str) -> M:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}; {what}") from error
    document = read_document(content, lines_of(str(path)))
    if not isinstance(document.tree, dict):
        raise ConfigError(f"{path}:1: this is {what}")
    folder = document.tree.get("code_folder")
    if isinstance(folder, str):
        look_in(folder)  # where code is allowed, what the file names is loaded and checked
    problems, instance = list(document.problems), None
    try:
        # as JSON: there a list may become a tuple while everything else stays strict
        instance = model.model_validate_json(json.dumps(document.tree))
    except ValidationError as error:
        problems += [
            p for detail in error.errors(include_url=False) for p in _problems(detail, document, model)
        ]
    if instance is None or problems:
        lines = map(str, sorted(problems, key=lambda problem: problem.location))
        raise ConfigError("\n".join(dict.fromkeys(lines)))
    return instance


def _problems(detail: ErrorDetails, document: Document, model: type[BaseModel]) -> list[Problem]:
    path = detail["loc"]
    if detail["type"] == SEVERAL_FIELDS:
        full = [((*path, *relative), message) for relative, message in detail["ctx"]["wrong"]]
        return [Problem(document.location(wrong), wrong, message) for wrong, message in full]
    new_spelling = replacement(path, document.tree) if detail["type"] == "extra_forbidden" else None
    return [Problem(document.location(path), path, new_spelling or _sentence(detail, model))]


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "extra_forbidden":
        names = list(model.model_fields) if len(detail["loc"]) == 1 else []
        near = did_you_mean(str(detail["loc"][-1]), names)
        return f"unknown field. {near}".rstrip()
    if detail["type"] == "value_error":
        return message
    return f"{message}, but got {shown_value(detail['input'])}"
