"""Paths that begin with a home folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aebnas.config.schema import DataConfig
from aebnas.data.checks.moved import moved
from aebnas.data.datasets import load_dataset
from aebnas.errors import ConfigError
from aebnas.hardware.profile.device_costs import DeviceCosts

NOWHERE = "~nobody-of-this-name/images"
READERS: dict[str, Callable[[], object]] = {
    "data.folder": lambda: load_dataset(DataConfig(folder=NOWHERE)),
    "data.npz": lambda: load_dataset(DataConfig(npz=NOWHERE)),
    "data.root": lambda: load_dataset(DataConfig(name="cifar10", root=NOWHERE)),
    "--data": lambda: moved(DataConfig(folder="images"), Path(NOWHERE)),
    "hardware": lambda: DeviceCosts.read([NOWHERE]),
}


@pytest.mark.parametrize("name", READERS)
def test_the_home_of_a_user_who_has_none_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: '~nobody-of-this-name/images' begins with"):
        READERS[name]()
