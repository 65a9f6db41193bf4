"""Storages of Optuna studies: which addresses keep a study, and what to say where one does not.

No message holds a password, wherever in the address it stands.  Must not import torch.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import optuna
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from aebnas.config.choices import did_you_mean
from aebnas.errors import RunError

SQLITE_URL = "sqlite:///study.db"
FORMS = f"For a file: {SQLITE_URL}; for a server: postgresql://USER:PASSWORD@HOST/NAME"
DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")
DRIVER_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
}
"""What to install for a driver; others have the name of their module."""
HIDDEN = "***"
_SECRET = re.compile(r"(?<=[?&;])([^=&;?]*(?:pass|pwd|secret|token|key|cred)[^=&;]*=)([^&;]*)", re.IGNORECASE)
_PORT = re.compile(r"\d*")


def check_storage(storage: str, run: Path) -> None:
    """Refuse an address that keeps nothing, or is none, before anything is written.

    Args:
        storage: As a user types it.
        run: The run's directory: its own database is no storage.

    Raises:
        RunError: With the nearest address that works.
    """
    text = storage.strip()
    if "://" not in text:
        raise _refused(storage, f"a storage is an address. {_for_file(text)}")
    if text != storage:
        raise _refused(storage, f"there is space around it: {shlex.quote(shown(text))}")
    if text.lower().startswith("redis"):
        raise _refused(storage, f"Optuna keeps no studies in Redis. {FORMS}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # their words repeat the address
        raise _refused(storage, f"this is no address. {FORMS}") from error
    _check_kind(storage, url)
    if url.get_backend_name() == "sqlite":
        _check_file(storage, url, run)


def shown(storage: str) -> str:
    """Return an address without its passwords."""
    return _split(storage)[0]


@contextmanager
def telling(storage: str, study: str) -> Iterator[None]:
    """Turn whatever a storage raises into a ``RunError`` without passwords."""
    try:
        yield
    except optuna.exceptions.DuplicatedStudyError as error:
        raise RunError(
            f"{shown(storage)} has a study {study!r} already. Name another one with --name"
        ) from error
    except Exception as error:  # every driver has classes of its own
        raise _refused(storage, _reason(error, storage)) from error


def _split(storage: str) -> tuple[str, list[str]]:
    """Return an address without its passwords, and the passwords."""
    secrets = [match[2] for match in _SECRET.finditer(storage)]
    text = _SECRET.sub(rf"\1{HIDDEN}", storage)
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "", text
    if rest.startswith("/") and mark:  # a file, which may have any name
        return text, secrets
    login, at, place = rest.rpartition("@")
    user, colon, password = login.partition(":")
    if at and colon:
        return f"{scheme}{mark}{user}:{HIDDEN}@{place}", [*secrets, password]
    host, slash, path = rest.partition("/")
    name, colon, port = host.rpartition(":")
    if mark and colon and not at and not host.endswith("]") and not _PORT.fullmatch(port):
        return f"{scheme}{mark}{name}:{HIDDEN}{slash}{path}", [*secrets, port]  # its @HOST is missing
    return text, secrets


def _refused(storage: str, why: str) -> RunError:
    return RunError(f"cannot write to {shown(storage)}: {why}")


def _for_file(text: str) -> str:
    """Return what a file's name has to look like; one of an address that lacks slashes is kept."""
    name = re.sub(r"^sqlite3?:/*", "", text)
    if not name or "@" in text:
        return FORMS
    return f"For a file: {shlex.quote(f'sqlite:///{name}')}"


def _check_kind(storage: str, url: URL) -> None:
    """Refuse a kind of database that nobody here knows.

    Raises:
        RunError: With the nearest one.
    """
    try:
        is_async = url.get_dialect().is_async
    except NoSuchModuleError as error:
        kind, _, driver = url.drivername.partition("+")
        if kind in DATABASES and driver:
            why = f"unknown driver {driver!r}. Without one: {kind}://..."
        else:
            choices = f"{did_you_mean(kind, DATABASES)}Choices: {', '.join(DATABASES)}"
            why = f"unknown kind of database {kind!r}. {choices}"
        raise _refused(storage, why) from error
    except ImportError as error:
        raise _refused(storage, _reason(error, storage)) from error
    if is_async:
        raise _refused(
            storage, f"Optuna needs a driver that waits. Without a name: {url.get_backend_name()}://..."
        )


def _check_file(storage: str, url: URL, run: Path) -> None:
    """Refuse a database in memory, and a file that cannot be one.

    Raises:
        RunError: With what would do.
    """
    name = url.database or ""
    if url.host:
        meant = f"sqlite:///{url.host}{'/' if name else ''}{name}"
        raise _refused(storage, f"a file has three slashes: {shlex.quote(meant)}")
    is_memory = ":memory:" in name or (name.startswith("file:") and "memory" in str(url.query.get("mode")))
    if is_memory or not name.strip() or name == "file:":
        raise _refused(
            storage, f"a database in memory is gone when the command ends. Name a file, as in {SQLITE_URL}"
        )
    try:
        why = _unfit(Path(name.removeprefix("file:")), run)
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        raise _refused(storage, f"{getattr(error, 'strerror', None) or error}") from error
    if why:
        raise _refused(storage, why)


def _unfit(file: Path, run: Path) -> str | None:
    """Return why a file cannot hold a study."""
    if file.is_dir():
        return f"{file} is a folder. Name a file in it, as in sqlite:///{file / 'study.db'}"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}: mkdir -p {shlex.quote(str(file.parent))}"
    if file.resolve() == (run / "run.sqlite").resolve():
        return f"this is the run's own database. Name another file, as in {SQLITE_URL}"
    return None


def _reason(error: BaseException, storage: str) -> str:
    """Return what went wrong, in one line, and its cure where there is one to name."""
    while (
        inner := error.__cause__ or getattr(error, "orig", None)
    ) is not None:  # SQLAlchemy keeps a driver's
        error = inner
    if isinstance(error, ModuleNotFoundError) and error.name:
        module = error.name.partition(".")[0]
        package = shlex.quote(DRIVER_PACKAGES.get(module, module))
        return f"its driver {module} is not installed. Install it: pip install {package}"
    text = (str(error).splitlines() or [""])[0] or type(error).__name__
    for secret in _split(storage)[1]:
        for form in {secret, unquote(secret)}:
            text = text.replace(form, HIDDEN) if len(form) > 2 else text
    if storage.startswith("sqlite"):
        return f"{text}. May the file and its folder be written?"
    return f"{text}. Does the server run, and may this user write there?"
