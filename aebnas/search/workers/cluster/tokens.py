"""The tokens with which a Ray cluster admits (Ray 2.60 and later): shown where it asks for one, else not.

A driver that shows a token where none is asked for demands one of its own workers, which have none: what
the cluster does is asked first.  A local Ray gets a token that lives as long as it does, in no file.

Runs in the process of Ray alone: it changes that process's environment.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import ray.exceptions
from ray import _raylet

from aebnas.errors import WorkerError

MODE, TOKEN, TOKEN_FILE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
DEFAULT_FILE = "~/.ray/auth_token"
RAYLET: Any = _raylet
"""Its stubs know neither of what is used here."""
_REFUSED: type[Exception] | None = getattr(ray.exceptions, "AuthenticationError", None)
"""Of Ray versions that know tokens."""


def own_token() -> None:
    """Let the local Ray that starts next admit its own processes alone; no file of the user is read or left.

    Whoever set RAY_AUTH_MODE=disabled is obeyed.
    """
    if _REFUSED is not None and os.environ.get(MODE, "token").lower() == "token":
        os.environ[TOKEN] = secrets.token_hex(32)
        _set_mode("token")


def settle_token(address: str) -> None:
    """Show a cluster a token if it asks for one.

    Args:
        address: ``host:port`` of its head.

    Raises:
        WorkerError: It asks for a token and there is none, another, or RAY_AUTH_MODE forbids it; or it asks
            for none though RAY_AUTH_MODE demands that.
    """
    mode = os.environ.get(MODE)
    if _REFUSED is None or (mode or "token").lower() not in ("token", "disabled"):
        return
    _set_mode("disabled")
    if _is_admitted(address, _REFUSED):
        if (mode or "").lower() == "token":
            raise WorkerError(
                f"the Ray cluster at {address} asks for no token, but {MODE}=token is set here. Connect "
                f"without: unset {MODE}   Or start the cluster with {MODE}=token on every node"
            )
        return
    if mode is not None and mode.lower() == "disabled":
        raise WorkerError(
            f"the Ray cluster at {address} asks for a token, but {MODE}={mode} is set here. Set {MODE}=token"
        )
    source = _source(address)
    _set_mode("token")
    if not _is_admitted(address, _REFUSED):
        raise WorkerError(
            f"the Ray cluster at {address} refuses the token of {source}. Bring the cluster's own here: "
            f"copy {DEFAULT_FILE} of its head, or name it in {TOKEN_FILE} or {TOKEN}"
        )


def _source(address: str) -> str:
    """Return where the token comes from, by Ray's own order.

    Raises:
        WorkerError: There is none.
    """
    if os.environ.get(TOKEN, "").strip():
        return TOKEN
    named = os.environ.get(TOKEN_FILE)
    file = Path(named or DEFAULT_FILE).expanduser()
    try:
        if file.read_text(encoding="utf-8", errors="replace").strip():
            return f"{TOKEN_FILE}={named}" if named else str(file)
        lack = f"{file} is empty"
    except OSError as error:
        lack = f"{file}: {error.strerror}"
    raise WorkerError(
        f"the Ray cluster at {address} asks for a token ({MODE}=token), and there is none here ({lack}). "
        f"Copy {DEFAULT_FILE} of its head to this machine, or name it in {TOKEN_FILE} or {TOKEN}"
    )


def _is_admitted(address: str, refused: type[Exception]) -> bool:
    """Return whether the head answers us.

    Raises:
        WorkerError: Whatever listens there is no head of a cluster.
    """
    try:
        RAYLET.GcsClient(address=address)
    except refused:
        return False
    except Exception as error:
        raise WorkerError(
            f"what listens at {address} does not answer as the head of a Ray cluster: {error}. "
            "workers.address is that of `ray start --head --port PORT`"
        ) from error
    return True


def _set_mode(mode: str) -> None:
    os.environ[MODE] = mode
    RAYLET.Config.initialize("")  # Ray remembers what the environment said
