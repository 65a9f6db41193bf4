"""What ``aebnas check`` says of a file whose space is made of code that was not loaded."""

from __future__ import annotations

import shlex

from aebnas.cli.views.json_lines import write
from aebnas.config import SearchFile
from aebnas.search.unread_code import UNCHECKED, UNKNOWN_WITHOUT_CODE, not_loaded, unread_names


def describe_unread(config: SearchFile, file: str, json: bool) -> None:
    """Print of a file what can be said without running the code of its space.

    Args:
        config: The file, read without consent.
        file: Its path, for display.
        json: Print one JSON object instead.
    """
    names, unchecked = unread_names(config), [UNCHECKED, UNKNOWN_WITHOUT_CODE]
    if json:
        write({"file": file, "name": config.name, "code_not_loaded": names, "not_checked": unchecked})
        return
    print(f"{file} can be read: {config.name}")
    print(f"Note: {not_loaded(names, unchecked)}.")
    print(f"With it, if you wrote or have read it: aebnas check {shlex.quote(file)} --allow-code")
