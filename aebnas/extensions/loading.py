"""Loading what a name from outside stands for.

Every mistake in it is told as the user's, with file and line of the user's code.  Must not import torch.
"""

from __future__ import annotations

import importlib
import traceback
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from aebnas.errors import AebnasError, CodeError
from aebnas.extensions.consent import code_digest, code_files, is_users, made_once, require_consent
from aebnas.extensions.kinds import Kind
from aebnas.extensions.names import OutsideName, parsed_name


def loaded(name: str, kind: Kind) -> Any:
    """Return what a name stands for: a class or a function.

    Args:
        name: ``package.module:Name``.
        kind: What it must be.

    Raises:
        CodeRefusedError: Code is not allowed in this process.
        CodeError: There is no such module or name, it cannot be imported, or it is of another kind.
    """
    outside = parsed_name(name)
    require_consent(name)
    return made_once(name, kind.noun, lambda: _loaded(outside, kind))


def users_error(error: BaseException) -> CodeError | None:
    """Return an error as the user's, if it was raised in or under code from outside; None: it was not.

    It says file and line of the user's code: the deepest frame there.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SyntaxError) and cause.filename is not None and is_users(cause.filename):
            return _explained(cause, cause.filename, cause.lineno, cause.msg)
        frames = [frame for frame in traceback.extract_tb(cause.__traceback__) if is_users(frame.filename)]
        if frames:
            return _explained(cause, frames[-1].filename, frames[-1].lineno, str(cause), frames[-1].name)
        cause = cause.__cause__ or cause.__context__
    return None


def _explained(error: BaseException, file: str, line: int | None, text: str, where: str = "") -> CodeError:
    place = f" in {where}" if where and not where.startswith("<") else ""
    message = " ".join(text.split())[:500]
    return CodeError(
        f"{file}:{line or 1}:{place} {type(error).__name__}{f': {message}' if message else ''}. "
        "This is code from outside AEBNAS"
    )


def _loaded(outside: OutsideName, kind: Kind) -> Any:
    module = _imported(outside)
    if not hasattr(module, outside.attribute):
        raise CodeError(_no_attribute(module, outside, kind))
    thing = getattr(module, outside.attribute)
    if not kind.is_kept(thing):
        raise CodeError(
            f"{outside} is no {kind.noun}: it must be {kind.law}. "
            f"aebnas.testing.{kind.contract} says whether it is one"
        )
    return thing


def _imported(outside: OutsideName) -> ModuleType:
    """Return the module, imported from where its source was found.

    Raises:
        CodeError: There is none, it raised an error, or another module has its name already.
    """
    code_digest(str(outside))
    try:
        module = importlib.import_module(outside.module)
    except AebnasError:
        raise
    except (Exception, SystemExit) as error:
        users = users_error(error)
        text = f"{outside.module} cannot be imported: {type(error).__name__}: {error}"
        raise users or CodeError(text) from error
    expected = str(code_files(str(outside))[outside.module])
    if module.__file__ != expected:
        raise CodeError(
            f"{outside} was to be read from {expected}, but a module {outside.module!r} was imported from "
            f"{module.__file__} before: give the file another name"
        )
    return module


def _no_attribute(module: ModuleType, outside: OutsideName, kind: Kind) -> str:
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and (_is_own(thing, module) or kind.is_kept(thing))
    ]
    near = get_close_matches(outside.attribute, own, n=1, cutoff=0.5)
    hint = f"Did you mean {f'{outside.module}:{near[0]}'!r}? " if near else ""
    fitting = [name for name in own if kind.is_kept(vars(module)[name])]
    noun = f"{kind.noun}s" if fitting else "names"
    listed = ", ".join(fitting or own) or "none"
    return f"{module.__file__} has no {outside.attribute!r}. {hint}Its {noun}: {listed}."


def _is_own(thing: Any, module: ModuleType) -> bool:
    """Return whether something was defined in a module, and not imported there."""
    return getattr(thing, "__module__", module.__name__) == module.__name__ and not isinstance(
        thing, ModuleType
    )
