"""Whether a token is shown to a cluster: what it asks for against what lies here; Ray is pretended."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from aebnas.errors import WorkerError
from aebnas.search.workers.cluster import tokens
from aebnas.search.workers.cluster.tokens import own_token, settle_token

ADDRESS = "10.0.0.1:6379"
RIGHT, WRONG = "right" * 8, "wrong" * 8
VARIABLES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


class RefusedError(Exception):
    """Of a head that asks for a token."""


class Head:
    """What ``ray._raylet`` does: reads the environment when it is told to, and connects."""

    asks = True
    is_up = True

    def __init__(self) -> None:
        self.mode = "disabled"
        self.Config = SimpleNamespace(initialize=self._read)

    def _read(self, _text: str) -> None:
        self.mode = os.environ.get("RAY_AUTH_MODE", "disabled")

    def GcsClient(self, address: str) -> None:  # noqa: N802
        if not self.is_up:
            raise OSError("timed out")
        if self.asks and (self.mode != "token" or self._token() != RIGHT):
            raise RefusedError

    def _token(self) -> str:
        if word := os.environ.get("RAY_AUTH_TOKEN"):
            return word
        default = Path.home() / ".ray" / "auth_token"
        return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", default)).read_text().strip()


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Head:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    pretended = Head()
    monkeypatch.setattr(tokens, "RAYLET", pretended)
    monkeypatch.setattr(tokens, "_REFUSED", RefusedError)
    return pretended


def lay(monkeypatch: pytest.MonkeyPatch, home: Path, where: str, token: str) -> None:
    """Put a token where Ray looks for it."""
    if where == "word":
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    elif where == "path":
        (home / "mine").write_text(token)
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "mine"))
    elif where == "file":
        (home / ".ray").mkdir()
        (home / ".ray" / "auth_token").write_text(token + "\n")


@pytest.mark.parametrize("where", ["word", "path", "file"])
@pytest.mark.parametrize("mode", [None, "token", "TOKEN"])
def test_a_fitting_token_is_shown_wherever_it_lies(
    head: Head, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str, mode: str | None
) -> None:
    lay(monkeypatch, tmp_path, where, RIGHT)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    settle_token(ADDRESS)
    assert os.environ["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize("where", ["nowhere", "word", "path", "file"])
@pytest.mark.parametrize("mode", [None, "disabled"])
def test_where_none_is_asked_for_none_is_shown(
    head: Head, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str, mode: str | None
) -> None:
    head.asks = False
    lay(monkeypatch, tmp_path, where, RIGHT)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    settle_token(ADDRESS)
    assert head.mode == os.environ["RAY_AUTH_MODE"] == "disabled"


@pytest.mark.parametrize(
    ("where", "token", "mode", "words"),
    [
        ("nowhere", "", None, r"asks for a token \(RAY_AUTH_MODE=token\).*none here \(.*No such file"),
        ("nowhere", "", "token", "and there is none here"),
        ("path", "", None, r"and there is none here \(.*mine is empty\)"),
        ("file", "  ", None, r"and there is none here \(.*auth_token is empty\)"),
        ("word", WRONG, None, r"refuses the token of RAY_AUTH_TOKEN\. Bring the cluster's own here"),
        ("path", WRONG, None, r"refuses the token of RAY_AUTH_TOKEN_PATH=.*mine\."),
        ("file", WRONG, None, r"refuses the token of .*\.ray/auth_token\."),
        ("word", RIGHT, "disabled", r"RAY_AUTH_MODE=disabled is set here\. Set RAY_AUTH_MODE=token"),
    ],
)  # fmt: skip
def test_what_lacks_is_told_with_its_cure(
    head: Head,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: str,
    token: str,
    mode: str | None,
    words: str,
) -> None:
    lay(monkeypatch, tmp_path, where, token)
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(WorkerError, match=words) as error:
        settle_token(ADDRESS)
    assert ADDRESS in str(error.value)
    assert token.strip() == "" or token not in str(error.value), "a token is a secret"


def test_a_demand_for_tokens_that_the_cluster_does_not_meet_is_told(
    head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    head.asks = False
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(WorkerError, match=r"asks for no token.*unset RAY_AUTH_MODE"):
        settle_token(ADDRESS)


def test_what_is_no_head_of_a_cluster_is_told(head: Head) -> None:
    head.is_up = False
    with pytest.raises(WorkerError, match=r"what listens at 10\.0\.0\.1:6379 does not answer as the head"):
        settle_token(ADDRESS)


def test_a_ray_that_knows_no_tokens_is_left_alone(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_REFUSED", None)
    settle_token(ADDRESS)
    own_token()
    assert not any(name in os.environ for name in VARIABLES)


@pytest.mark.parametrize("where", ["nowhere", "word", "path", "file"])
def test_a_local_ray_has_a_token_of_its_own_in_no_file(
    head: Head, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    lay(monkeypatch, tmp_path, where, RIGHT)
    before = sorted(tmp_path.rglob("*"))
    own_token()
    first = os.environ["RAY_AUTH_TOKEN"]
    own_token()
    assert head.mode == "token"
    assert len(first) == 64
    assert first not in (RIGHT, os.environ["RAY_AUTH_TOKEN"])
    assert sorted(tmp_path.rglob("*")) == before


def test_whoever_forbids_tokens_gets_a_local_ray_without(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    own_token()
    assert "RAY_AUTH_TOKEN" not in os.environ
