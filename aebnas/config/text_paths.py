"""Paths that files of ours keep: runs and checkpoints are text, and not every path is.

Must not import torch.
"""

from __future__ import annotations

from pathlib import Path

from aebnas.errors import ConfigError


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
