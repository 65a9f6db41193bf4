"""Checkpoints that were edited by hand or damaged: an error that says what, and no defect later."""

import shutil
import zlib
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import yaml
from final_cases import plan, task

from aebnas.errors import ConfigError, RunError
from aebnas.final.checkpoint import load_trained, read_checkpoint
from aebnas.final.full_training import train_network


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network; do not change it."""
    folder = tmp_path_factory.mktemp("trained") / "network"
    train_network(task(folder), plan(epochs=1))
    return folder


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "network"))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("std", [0.0], "std must be positive"),
        ("image_shape", [0, 8, 1], "greater than or equal to 1"),
        ("reach_macs", [5.0, 1.0], r"reach_macs must be positive and increase from exit to exit"),
        ("cost_metric", "latency_ms@x", "cost_metric latency_ms@x is none of the costs it knows: macs"),
    ],
)
def test_an_edited_field_is_told_with_what_is_wrong(
    copied: Path, field: str, value: Any, message: str
) -> None:
    path = copied / "checkpoint.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), field: value}))
    with pytest.raises(ConfigError, match=message):
        read_checkpoint(copied)


def test_logits_that_do_not_unpack_are_told(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*given: Any, **options: Any) -> NoReturn:
        raise zlib.error("Error -3 while decompressing data")

    monkeypatch.setattr(np, "load", damaged)
    with pytest.raises(RunError, match="is damaged: Error -3"):
        load_trained(copied)
