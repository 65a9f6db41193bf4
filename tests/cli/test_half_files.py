"""A command on a full disk leaves every file as it was."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardware.synthetic_profiles import by_pixels, layers_of, profile_of, written

from aebnas.errors import HardwareError
from aebnas.files import atomic
from aebnas.hardware.profile.profile import write_profile


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what fills the disk: the next file is written by half."""

    def fill(draft: Path, content: bytes) -> None:
        draft.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(atomic, "_fill", fill)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("run.sqlite")
    }


COMMANDS = {
    "init": (2, ["init", "space.yaml", "--force"]),
    "report": (4, ["report", "runs/tiny", "-o", "page", "--figures", "figures"]),
    "rescore": (4, ["rescore", "runs/tiny", "--hardware", "board.yaml", "-o", "front.csv"]),
    "exits": (4, ["exits", "runs/tiny", "-o", "exits.html"]),
    "evaluate": (4, ["evaluate", "checkpoint", "--images", "0"]),
}


@pytest.fixture(scope="module")
def place(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run and its checkpoint, with a profile."""
    folder = shutil.copytree(place, tmp_path_factory.mktemp("disk") / "place")
    written(folder, profile_of(layers_of(folder / "tiny.yaml")))
    return folder


@pytest.mark.parametrize("command", [*COMMANDS])
@pytest.mark.parametrize("has_old", [False, True])
def test_a_command_on_a_full_disk_leaves_the_files_as_they_were(
    command: str,
    has_old: bool,
    place: Path,
    run_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    full_disk: Callable[[], None],
) -> None:
    monkeypatch.chdir(place)
    code, words = COMMANDS[command]
    if has_old:
        assert run_command(*words).code == 0
    before = files_of(place)
    full_disk()
    answer = run_command(*words)
    assert answer.code == code, answer.err
    assert "No space left on device" in answer.err
    assert files_of(place) == before


def test_a_profile_on_a_full_disk_stays_with_its_table(place: Path, full_disk: Callable[[], None]) -> None:
    other = profile_of(layers_of(place / "tiny.yaml"), latency_ms=by_pixels)
    before = files_of(place)
    full_disk()
    with pytest.raises(HardwareError, match="No space left on device"):
        write_profile(other, place / "board.yaml")
    assert files_of(place) == before
