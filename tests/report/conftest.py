"""Closes the run stores that a test opened."""

from collections.abc import Iterator

import pytest
from synthetic_runs import OPENED


@pytest.fixture(autouse=True)
def _close_stores() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()
