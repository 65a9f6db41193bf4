"""A run whose path no checkpoint can hold is refused before its training, not after it."""

import os
from pathlib import Path

import pytest

from aebnas.errors import ConfigError
from aebnas.train.select import selected_network
from aebnas.train.select.selected_network import select_network


class Found:
    budget_fraction, run = None, os.fsdecode(b"r\xe9/my")


@pytest.mark.parametrize("source", ["run", "winner.yaml"])
def test_a_path_that_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    for reader in ("_of_run", "_of_winner"):
        monkeypatch.setattr(selected_network, reader, lambda *_: Found())
    with pytest.raises(ConfigError, match=r"the run: the path .* is not UTF-8 text"):
        select_network(Path(source))
