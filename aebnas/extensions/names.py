"""Names of code outside AEBNAS: ``package.module:Name``.  Must not import torch."""

from __future__ import annotations

import re
from typing import NamedTuple

from aebnas.errors import CodeError

PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*")
LONGEST = 120
"""Characters of a name: it stands in tables and file names."""
HINT = "package.module:Name of your own code"
"""What may stand in place of a name of ours, for messages."""


class OutsideName(NamedTuple):
    """Where something from outside is defined."""

    module: str
    """As in an import, with dots."""
    attribute: str

    def __str__(self) -> str:
        """Return it as files write it."""
        return f"{self.module}:{self.attribute}"


def is_outside(name: object) -> bool:
    """Return whether a name is one of code outside: it has a colon, which none of ours has."""
    return isinstance(name, str) and ":" in name


def parsed_name(name: str) -> OutsideName:
    """Return the parts of a name.

    Raises:
        CodeError: It is not ``package.module:Name``.
    """
    if len(name) > LONGEST or not PATTERN.fullmatch(name):
        raise CodeError(
            f"{name!r:.80} must be written as package.module:Name, as in my_blocks:Ghost for Ghost in "
            "my_blocks.py beside this file"
        )
    module, _, attribute = name.partition(":")
    return OutsideName(module, attribute)


def file_safe(name: str) -> str:
    """Return a name as it may stand in names of files and in tables: ``my_blocks.Ghost``."""
    return name.replace(":", ".")
