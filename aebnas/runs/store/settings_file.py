"""``config.yaml`` of a run: the settings in full.  Must not import torch."""

from __future__ import annotations

import re
from pathlib import Path

from aebnas.config import SearchFile, load
from aebnas.errors import CodeError, ConfigError, RunError
from aebnas.extensions.consent import is_allowed, without_code

SETTINGS_FILE = "config.yaml"
LAST_SECTION = re.compile(rb"^report:", re.MULTILINE)
"""With which every resolved configuration ends: one that was cut off would be read with defaults."""


def read_settings(path: Path) -> SearchFile:
    """Return the configuration of a run.

    Raises:
        RunError: It is missing, wrong or cut off.
        CodeError: It names code that is allowed, and missing or wrong.
    """
    file, cure = path / SETTINGS_FILE, "Put a copy of it back"
    try:
        with without_code():
            config = load(file)
        content = file.read_bytes()
    except ConfigError as error:
        raise RunError(f"{path} is damaged: {error}. {cure}") from error
    except OSError as error:
        raise RunError(f"{path} is damaged: {file}: {error.strerror or error}. {cure}") from error
    if not LAST_SECTION.search(content):
        raise RunError(f"{path} is damaged: {file} ends before its last section, report. {cure}")
    return _with_code(file) if is_allowed() and config.outside_names else config


def _with_code(file: Path) -> SearchFile:
    """Return a configuration that is sound, its code loaded: what is wrong now is wrong with the code."""
    try:
        return load(file)
    except ConfigError as error:
        raise CodeError(
            f"{error} If it lies elsewhere now: aebnas resume RUN --set code_folder=DIR"
        ) from error
