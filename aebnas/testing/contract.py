"""What all contracts have in common."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from aebnas.extensions.consent import allow_code

# each subclass runs the same test: only a database of failures could mix them up
inherited = settings(
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    deadline=None,
    database=None,
    derandomize=True,
    max_examples=20,
)
"""Settings of tests that subclasses inherit."""


class Contract(ABC):  # noqa: B024 - what is abstract is said by those who inherit
    """Tests that hold for every thing of a kind; a subclass says which thing."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _code_is_allowed(cls) -> Iterator[None]:
        """Allow the code under test, which the tests have imported already."""
        with allow_code():
            yield
