"""Our blocks hold to what blocks from outside must hold to."""

import pytest

from aebnas.blocks.block import Block
from aebnas.blocks.table import BLOCKS, exit_modules
from aebnas.testing import BlockContract


@pytest.fixture(params=exit_modules(), scope="class", autouse=True)
def name(request: pytest.FixtureRequest) -> str:
    request.cls.name = request.param
    return str(request.param)


class TestOurs(BlockContract):
    name: str

    def block(self) -> Block:
        return BLOCKS[self.name]
