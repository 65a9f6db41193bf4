"""``config.yaml`` of a run: the settings in full.  Must not import torch."""

from __future__ import annotations

import re
from pathlib import Path

from aebnas.config import SearchFile, load
from aebnas.errors import ConfigError, RunError

FILE = "config.yaml"
LAST_SECTION = re.compile(rb"^report:", re.MULTILINE)
"""With which every resolved configuration ends: one that was cut off would be read with defaults."""


def read_settings(path: Path) -> SearchFile:
    """Return the configuration of a run.

    Raises:
        RunError: It is missing, wrong or cut off.
    """
    file, cure = path / FILE, "Put a copy of it back"
    try:
        config = load(file)
        content = file.read_bytes()
    except ConfigError as error:
        raise RunError(f"{path} is damaged: {error}. {cure}") from error
    except OSError as error:
        raise RunError(f"{path} is damaged: {file}: {error.strerror or error}. {cure}") from error
    if not LAST_SECTION.search(content):
        raise RunError(f"{path} is damaged: {file} ends before its last section, report. {cure}")
    return config
