"""What tests of this room share."""

from collections.abc import Iterator

import pytest
import torch
from space_cases import HERE

from aebnas import allow_code
from aebnas.extensions.consent import look_in


@pytest.fixture(scope="module")
def code_is_allowed() -> Iterator[None]:
    """Let the code of ``user_networks`` run."""
    torch.manual_seed(0)
    with allow_code():
        look_in(HERE)
        yield
