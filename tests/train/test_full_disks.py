"""Folders that cannot be written: one line with the cure, and the same command goes on afterwards."""

import errno
import struct
from pathlib import Path
from typing import Any, NoReturn

import pytest
from final_cases import plan, task
from tensorboardX.proto.event_pb2 import Event

from aebnas.errors import HardwareError, RunError
from aebnas.files import event_file
from aebnas.train.full import training_log, unfinished
from aebnas.train.full.full_training import train_network
from aebnas.train.full.training_log import TrainingLog
from aebnas.train.full.winner_training import plan_of


def full(*given: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("place", "name"),
    [(unfinished, "write_atomically"), (training_log, "write_atomically"), (event_file, "_record")],
)
def test_a_disk_that_fills_up_in_a_training_is_told_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(place, name, full)
        with pytest.raises(RunError, match=r"cannot write to .*No space left on device.*same command again"):
            train_network(task(tmp_path / "network"), plan(epochs=1))
    assert train_network(task(tmp_path / "network"), plan(epochs=1)).checkpoint.training.epochs == 1


def test_a_lock_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "network" / "lock").mkdir(parents=True)
    with pytest.raises(RunError, match="cannot write to"):
        train_network(task(tmp_path / "network"), plan(epochs=1))


def test_events_of_an_epoch_are_in_their_file_when_it_has_ended(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path, ["stage1"], [{"epoch": 3, "phase": 1, "accuracy[stage1]": 0.5}])
    log.write()
    (file,) = (tmp_path / "tensorboard").iterdir()
    content, events = file.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[12 + length + 4 :]
    assert [event.file_version for event in events] == ["brain.Event:2", "", ""]
    assert [event.step for event in events] == [3, 3, 3]
    (value,) = events[2].summary.value
    assert (value.tag, value.simple_value) == ("accuracy/stage1", 0.5)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aebnas.train.full.winner_training.usable_gpus", lambda: 1)
    with pytest.raises(HardwareError, match="--device cuda:1: torch can use 1 GPUs here"):
        plan_of(plan().selected, device="cuda:1")
