"""Code from outside that a search-space file names and nobody allowed to be loaded."""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.config import SearchFile
from aebnas.config.outside import names_in
from aebnas.extensions.consent import is_allowed, may_run

UNCHECKED = "that it is there and what it is, its options"
UNKNOWN_WITHOUT_CODE = "the size of the space, costs, limits"


def unread_names(config: SearchFile) -> tuple[str, ...]:
    """Return the names of code that was not loaded, because nobody allowed it."""
    if is_allowed():
        return ()
    # a network's file has no name of code
    needed = [name for name in config.space.code if not may_run(name)]
    return tuple(dict.fromkeys([*config.outside_names, *needed]))


def has_unread_space(config: SearchFile) -> bool:
    """Return whether parts of the space were not loaded: nothing can be counted then."""
    of_space = {*names_in({"space": config.space.model_dump(mode="json")}), *config.space.code}
    return bool(set(unread_names(config)) & of_space)


def not_loaded(names: Sequence[str], unchecked: Sequence[str] = (UNCHECKED,)) -> str:
    """Return one line that says what was not loaded, and what was therefore not checked."""
    return f"code from outside was not loaded: {', '.join(names)}; not checked: {', '.join(unchecked)}"
