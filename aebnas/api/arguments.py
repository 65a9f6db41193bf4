"""Checks of what callers give, before files are read or torch is imported.  Must not import torch."""

from __future__ import annotations

import math
from numbers import Integral, Real

from aebnas.errors import ConfigError


def check_whole(name: str, value: object, least: int) -> None:
    """Check an argument that counts something.

    Raises:
        ConfigError: It is no whole number, or below the least.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}, but got {value!r}")


def check_number(name: str, value: object, low: float, high: float = math.inf) -> None:
    """Check an argument that is a number above ``low``, and at most ``high``.

    Raises:
        ConfigError: It is none.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low < float(value) <= high or not math.isfinite(float(value)):  # type: ignore[arg-type]
        most = "" if high == math.inf else f" and at most {high:g}"
        raise ConfigError(f"{name} must be a number above {low:g}{most}, but got {value!r}")


def check_list(name: str, value: object) -> None:
    """Check an argument that lists texts or paths; a single one would be read letter by letter.

    Raises:
        ConfigError: It is no list.
    """
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{name} must be a list, as in {name}=[{str(value)!r}], but got {value!r}")
