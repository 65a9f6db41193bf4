"""Consent: whether this process may run code from outside, and from which folders.

Nobody has it to begin with.  Commands that train what a user wrote give it (``allow_code``), and pass it on
to the processes that they start (``permit``, ``Permit.take``).  Must not import torch.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aebnas.errors import CodeError, CodeRefusedError
from aebnas.extensions.names import parsed_name
from aebnas.extensions.sources import digest, sources

T = TypeVar("T")


@dataclass
class Consent:
    """What a process may run, and what it made of it."""

    is_given: bool = False
    folders: list[str] = field(default_factory=list)
    """Where names are looked for first, the latest first; on the import path while code is allowed."""
    expected: dict[str, str] = field(default_factory=dict)
    """Hash of each module's code where the process that started this one saw it."""
    digests: dict[str, str] = field(default_factory=dict)
    """The same as this process saw it."""
    files: set[str] = field(default_factory=set)
    """Source files of all modules that were looked at: errors in them are the user's."""
    before: frozenset[str] = frozenset()
    """Modules that were imported before it was given: they stay."""
    path: list[str] = field(default_factory=list)
    """The import path before it was given: it comes back."""
    made: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What was loaded and made of names, once each."""
    written: set[str] = field(default_factory=set)
    """Files that this process, or the one that started it, wrote itself: reading them needs no consent."""


_CONSENT = Consent()


@dataclass(frozen=True)
class Permit:
    """A process's consent, to be passed on to one that it starts; can be pickled."""

    is_given: bool
    folders: tuple[str, ...]
    digests: Mapping[str, str]
    written: tuple[str, ...] = ()

    def take(self) -> None:
        """Give this process the same consent, for as long as it lives."""
        _CONSENT.written.update(self.written)
        if self.is_given:
            _CONSENT.is_given = True
            _CONSENT.expected.update(self.digests)
            for folder in reversed(self.folders):
                look_in(folder)


@dataclass(frozen=True)
class Permitted:
    """A function that is called in another process, with the consent of the one that made it."""

    permit: Permit
    pickled: bytes

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Permitted:
        """Wrap a function that can be pickled."""
        return cls(permit(), pickle.dumps(function))

    def __call__(self, *arguments: Any) -> Any:
        """Call it; its code may be run from now on."""
        self.permit.take()
        return pickle.loads(self.pickled)(*arguments)


@contextmanager
def allow_code() -> Iterator[None]:
    """Allow this process to run code that files name as ``package.module:Name``, until the end of ``with``.

    Allow only what you wrote or have read: it can do whatever you can do.  Afterwards the modules are
    forgotten: a later search sees them as they are then.
    """
    if _CONSENT.is_given:
        yield
        return
    _CONSENT.is_given, _CONSENT.before, _CONSENT.path = True, frozenset(sys.modules), list(sys.path)
    try:
        yield
    finally:
        _forget()


@contextmanager
def without_code() -> Iterator[None]:
    """Read names as names until the end of ``with``, whatever this process may run."""
    given = _CONSENT.is_given
    _CONSENT.is_given = False
    try:
        yield
    finally:
        _CONSENT.is_given = given


def is_allowed() -> bool:
    """Return whether code from outside may be run in this process."""
    return _CONSENT.is_given


def permit() -> Permit:
    """Return this process's consent for one that it starts."""
    written = tuple(sorted(_CONSENT.written))
    return Permit(_CONSENT.is_given, tuple(_CONSENT.folders), dict(_CONSENT.digests), written)


def wrote(file: Path) -> None:
    """Note that this process wrote a file, and may read it; what was made of an earlier one is forgotten."""
    _CONSENT.written.add(_absolute(file))
    for key in [key for key in _CONSENT.made if key[0] == str(file) or _absolute(key[0]) == _absolute(file)]:
        del _CONSENT.made[key]


def may_run(name: str) -> bool:
    """Return whether this process may run what a name of code, or a file that counts as code, stands for."""
    return _CONSENT.is_given or _absolute(name) in _CONSENT.written


def look_in(folder: str | Path) -> None:
    """Look for names in a folder first, ahead of earlier folders; nothing where code is not allowed."""
    place = str(Path(folder).expanduser().absolute())
    if _CONSENT.is_given and place not in _CONSENT.folders[:1]:
        _CONSENT.folders[:] = [place, *(other for other in _CONSENT.folders if other != place)]
        sys.path[:] = [place, *(other for other in sys.path if other != place)]


def require_consent(name: str) -> None:
    """Refuse to go on without consent.

    Raises:
        CodeRefusedError: It was not given.
    """
    if not may_run(name):
        raise CodeRefusedError(
            f"{name} is code from outside AEBNAS, which is not run unasked. "
            "If you wrote or have read it: --allow-code; in Python: with aebnas.allow_code()"
        )


def code_digest(name: str) -> str:
    """Return the hash of the code behind a name, 64 hexadecimal digits; nothing of it is run.

    Raises:
        CodeError: There is no such module, or its code is not that of the process that started this one.
    """
    module = parsed_name(name).module
    if module not in _CONSENT.digests:
        files = sources(module, _CONSENT.folders)
        here, there = digest(files), _CONSENT.expected.get(module)
        if there not in (None, here):
            raise CodeError(
                f"the code of {name} is not the same everywhere: {files[module]} has the hash {here[:12]}, "
                f"where the work was begun it has {str(there)[:12]}. Bring the same files to every machine"
            )
        if not _CONSENT.is_given:
            return here
        _CONSENT.digests[module] = here
        _CONSENT.files |= {str(path) for path in files.values()}
    return _CONSENT.digests[module]


def code_files(name: str) -> dict[str, Path]:
    """Return the files of the code behind a name, by module.

    Raises:
        CodeError: There is no such module.
    """
    return sources(parsed_name(name).module, _CONSENT.folders)


def made_once(name: str, what: str, make: Callable[[], T]) -> T:
    """Return what was made of a name; made at the first call, and forgotten when consent ends.

    Args:
        name: Of the code.
        what: Is made of it, as ``config``.
        make: Makes it.
    """
    key = (name, what)
    if key not in _CONSENT.made:
        _CONSENT.made[key] = make()
    made: T = _CONSENT.made[key]
    return made


def is_users(file: str) -> bool:
    """Return whether a source file is one of code from outside that was looked at."""
    return file in _CONSENT.files


def _absolute(file: str | Path) -> str:
    return str(Path(file).expanduser().absolute())


def _forget() -> None:
    """Take the folders from the import path, and drop the modules that came from outside."""
    files = set(_CONSENT.files)
    for name in set(sys.modules) - _CONSENT.before:
        if getattr(sys.modules[name], "__file__", None) in files:
            del sys.modules[name]
    sys.path[:] = _CONSENT.path
    for part in (_CONSENT.folders, _CONSENT.expected, _CONSENT.digests, _CONSENT.files, _CONSENT.made):
        part.clear()
    _CONSENT.is_given = False
