"""Names of data sets: known ones, and functions of users, whose arguments are options.

Must not import torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from aebnas.config.choices import Wrong, did_you_mean
from aebnas.errors import CodeError
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside, parsed_name


def known_or_outside(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Return the name of a known data set, or of a function from outside that is one if it may be loaded.

    Raises:
        ValueError: It is neither.
    """
    if not is_outside(value):
        return handler(value)
    try:
        parsed_name(value)
        if is_allowed():
            loaded(value, kinds.DATASET)
    except CodeError as error:
        raise ValueError(str(error)) from error
    return value


def wrong_options(name: str, options: Mapping[str, Any]) -> list[Wrong]:
    """Return which options a function from outside does not take, or needs; none where it is not loaded."""
    if not is_allowed():
        return []
    signature = inspect.signature(loaded(name, kinds.DATASET))
    arguments = signature.parameters.values()
    takes_any = any(argument.kind is inspect.Parameter.VAR_KEYWORD for argument in arguments)
    names = [argument.name for argument in arguments if argument.kind not in _VARIADIC]
    wrong: list[Wrong] = [
        (
            ("options", option),
            f"is no argument of {name}. {did_you_mean(option, names)}It takes: {', '.join(names) or 'none'}.",
        )
        for option in options
        if option not in names and not takes_any
    ]
    needed = [argument.name for argument in arguments if argument.default is argument.empty]
    missing = [argument for argument in needed if argument in names and argument not in options]
    return wrong + [(("options",), f"{argument!r} is missing, an argument of {name}") for argument in missing]


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
