"""Paths as people write them, and as files of ours keep them: those are text, and not every path is.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import ConfigError


def expanded(what: str, path: str | Path) -> Path:
    """Return a path in which ``~`` and ``~NAME`` stand for home folders no longer.

    Args:
        what: What lies there, for the message.
        path: As it was written.

    Raises:
        ConfigError: There is no such user, or nobody knows where that home is.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"{what}: {str(path)!r} begins with the home folder of a user who has none here. Write the path "
            f"from the root on, or ./{path} for a folder of that name"
        ) from None


def refuse_unwritable(what: str, path: str | Path) -> None:
    """Refuse a path that is not UTF-8 text, before anything is done that would need it in the end.

    Args:
        what: What lies there, for the message.
        path: As it would be written.

    Raises:
        ConfigError: It is not.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{what}: the path {str(path)!a} is not UTF-8 text, and is kept in text files. Rename its "
            "folder, or make a link to it with another name."
        ) from None
