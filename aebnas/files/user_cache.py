"""Where things lie that can be made again: what was downloaded, and features and heads of given networks."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "AEBNAS_CACHE"
"""Environment variable that names another folder."""


def user_cache() -> Path:
    """Return the folder that all searches of a user share: ``AEBNAS_CACHE``, else as the system has it."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    import pooch  # with requests 0.2 s: only where it is needed

    return Path(pooch.os_cache("aebnas"))
