"""Who may write to a run directory, with real processes."""

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from search.fakes import fake_config

from aebnas.errors import RunError
from aebnas.files.lock import run_lock
from aebnas.runs.store.store import RunStore
from aebnas.search import session

HOLD = """
import sys, time
from pathlib import Path
from aebnas.files.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    RunStore.create(tmp_path / "run", fake_config(), {"versions": {}}).close()
    return tmp_path / "run"


@pytest.fixture
def hold() -> Iterator[Callable[[Path], "subprocess.Popen[str]"]]:
    """Start a process that holds a directory's lock for a minute."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
        )
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "held\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_writer_is_told_the_first_ones_process(
    run: Path, hold: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    holder = hold(run)
    with (
        pytest.raises(RunError, match=rf"run is in use by .*process {holder.pid} on"),
        session.resumed_session(run),
    ):
        pass


def test_a_run_in_use_can_be_read(run: Path, hold: Callable[[Path], "subprocess.Popen[str]"]) -> None:
    hold(run)
    store = RunStore(run)
    assert (store.count(), store.generations(), store.config) == (0, [], fake_config())
    store.close()


def test_the_lock_of_a_killed_process_is_free(
    run: Path, hold: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    holder = hold(run)
    holder.kill()
    holder.wait()
    with run_lock(run):
        pass


def test_a_run_is_not_made_where_another_process_makes_one(
    tmp_path: Path, hold: Callable[[Path], "subprocess.Popen[str]"]
) -> None:
    hold(tmp_path)
    with pytest.raises(RunError, match="in use"):
        RunStore.create(tmp_path, fake_config(), {})
    assert not (tmp_path / "run.sqlite").exists()


def test_no_directory_is_made_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), run_lock(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()


def test_the_file_of_a_lock_stays(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        before = (tmp_path / "lock").stat().st_ino
    assert (tmp_path / "lock").stat().st_ino == before


def test_a_system_without_file_locks_warns_and_works(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", missing)
    with pytest.warns(RuntimeWarning, match="no file locks"), run_lock(run):
        pass
