"""Staged spaces keep the contract that kinds of space from outside keep."""

from aebnas.config.sections.space import SpaceConfig
from aebnas.space.kind import SpaceKind
from aebnas.space.spaces import Staged
from aebnas.testing import SpaceContract

SECTION = {
    "stages": [
        {"depth": [1, 2], "width": [4, 8], "block": {"type": ["conv", "mbconv"]}},
        {"width": 8, "stride": 2, "block": {"kernel": [1, 3]}},
    ],
    "exits": {"after": ["stage1"], "branch": {"modules": [0, 1], "module": {"type": ["conv", "pool"]}}},
}


class TestStaged(SpaceContract):
    shape = (12, 16, 3)

    def kind(self) -> SpaceKind:
        return Staged(SpaceConfig.model_validate(SECTION))
