"""What commands say of code from outside that they did not load."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from aebnas.cli.views.json_lines import write
from aebnas.config import SearchFile
from aebnas.config.outside import names_in
from aebnas.extensions.consent import is_allowed

UNCHECKED = "that it is there and what it is, its options"
UNCOUNTED = "the size of the space, costs, limits"


def unread_names(config: SearchFile) -> tuple[str, ...]:
    """Return the names of code that was not loaded, because nobody allowed it."""
    return () if is_allowed() else config.outside_names


def has_unread_space(config: SearchFile) -> bool:
    """Return whether parts of the space were not loaded: nothing can be counted then."""
    return bool(set(unread_names(config)) & set(names_in({"space": config.space.model_dump(mode="json")})))


def not_loaded(names: Sequence[str], unchecked: Sequence[str] = (UNCHECKED,)) -> str:
    """Return one line that says what was not loaded, and what was therefore not checked."""
    return f"code from outside was not loaded: {', '.join(names)}; not checked: {', '.join(unchecked)}"


def describe_unread(config: SearchFile, file: str, json: bool) -> None:
    """Print what a file says as far as it can be told without the code of its space.

    Args:
        config: The file, read without consent.
        file: Its path, for display.
        json: Print one JSON object instead.
    """
    names, unchecked = unread_names(config), [UNCHECKED, UNCOUNTED]
    if json:
        write({"file": file, "name": config.name, "code_not_loaded": names, "not_checked": unchecked})
        return
    print(f"{file} can be read: {config.name}")
    print(f"Note: {not_loaded(names, unchecked)}.")
    print(f"With it, if you wrote or have read it: aebnas check {shlex.quote(file)} --allow-code")
