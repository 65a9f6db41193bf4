"""Checkpoints that were edited by hand or damaged: an error that says what, and no defect later."""

import shutil
import zlib
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import yaml
from final_cases import plan, task

from aebnas.errors import RunError
from aebnas.train.full.checkpoint import LOGITS, WEIGHTS, load_trained, read_checkpoint
from aebnas.train.full.full_training import train_network


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
    with pytest.raises(RunError, match=message):
        read_checkpoint(copied)


def test_logits_that_do_not_unpack_are_told(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*given: Any, **options: Any) -> NoReturn:
        raise zlib.error("Error -3 while decompressing data")

    monkeypatch.setattr(np, "load", damaged)
    with pytest.raises(RunError, match="is damaged: Error -3"):
        load_trained(copied)


def flip(path: Path) -> None:
    """Flip the last bit of the byte in the middle of a file: the content of an array."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", [WEIGHTS, LOGITS])
def test_a_flipped_bit_is_told_with_its_file(copied: Path, name: str) -> None:
    flip(copied / name)
    with pytest.raises(RunError, match=f"{name} was edited or damaged: its sha256 is not that of checkpoint"):
        load_trained(copied)


def test_weights_of_another_training_do_not_pass_for_its_own(copied: Path, tmp_path: Path) -> None:
    train_network(task(tmp_path / "other"), plan(epochs=1, learning_rate=0.2))
    shutil.copy(tmp_path / "other" / WEIGHTS, copied / WEIGHTS)
    with pytest.raises(RunError, match="Put a copy of it back, or train it again"):
        load_trained(copied)


def test_a_missing_file_is_told_with_its_name(copied: Path) -> None:
    (copied / LOGITS).unlink()
    with pytest.raises(RunError, match=f"{LOGITS}: No such file or directory; train it again"):
        load_trained(copied)


def test_a_new_policy_keeps_the_checksums(copied: Path) -> None:
    before = read_checkpoint(copied)
    train_network(task(copied), plan(budget_fraction=0.9, epochs=1))
    after = read_checkpoint(copied)
    assert after.budget_fraction == 0.9 != before.budget_fraction
    assert after.sha256 == before.sha256
    assert set(after.sha256) == {WEIGHTS, LOGITS}
    load_trained(copied)


def test_a_checkpoint_without_checksums_is_refused(copied: Path) -> None:
    path = copied / "checkpoint.yaml"
    plain = yaml.safe_load(path.read_text())
    del plain["sha256"]
    path.write_text(yaml.safe_dump(plain))
    with pytest.raises(RunError, match="sha256: is missing"):
        load_trained(copied)
