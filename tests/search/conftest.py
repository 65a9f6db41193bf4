"""What searches on given networks have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from given_cases import write_weights

from aebnas.extensions.consent import allow_code
from aebnas.files.user_cache import VARIABLE


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the given networks, which no test changes."""
    return write_weights(tmp_path_factory.mktemp("weights") / "digits.pt")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Features and heads of this test alone, whose code may run."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    with allow_code():
        yield
