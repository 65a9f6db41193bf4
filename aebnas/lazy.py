"""Names of a module that are looked up where they are defined when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def lookup(module: str, homes: Mapping[str, Sequence[str]]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module.

    Args:
        module: Its full name.
        homes: The names that it offers, by the module that defines them.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> object:
        if name not in home_of:
            from difflib import get_close_matches

            near = get_close_matches(name, home_of, n=1)
            suggestion = f". Did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"module {module!r} has no attribute {name!r}{suggestion}")
        value = getattr(importlib.import_module(home_of[name]), name)
        setattr(sys.modules[module], name, value)
        return value

    return find
