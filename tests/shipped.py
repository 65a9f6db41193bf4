"""The search-space files that ship, for tests of several rooms."""

from functools import cache
from pathlib import Path

import pytest

from aebnas.config import load
from aebnas.data.datasets import shape_and_classes
from aebnas.space.search_space import StagedSpace
from aebnas.space.spaces import space_of

FOLDER = Path(__file__).parents[1] / "search_spaces"
GIVEN = ("photos",)
"""Files around a network that is given, and a folder of the reader's: `tests/extension/test_photos.py`."""
SHIPPED = sorted({path.stem for path in FOLDER.glob("*.yaml")} - {*GIVEN})
every_space = pytest.mark.parametrize("name", SHIPPED)


@cache
def shipped(name: str) -> tuple[StagedSpace, int, int]:
    """The space, its images' channels and its classes."""
    config = load(FOLDER / f"{name}.yaml", [])
    shape, classes = shape_and_classes(config.data)
    return space_of(config, shape), shape[2], classes
