"""A run's database is read with all that its log holds, wherever it lies, or not at all."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_user import as_plain_user, folder_for_everyone
from search.fakes import fake_config, fake_failure, fake_outcome

from aebnas.errors import RunError
from aebnas.runs.store import database
from aebnas.runs.store.location import has_database
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation
from aebnas.space.search_space import StagedSpace

CONFIG = fake_config()
SPACE = StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    with folder_for_everyone() as folder:
        yield folder


def killed_run(folder: Path) -> Path:
    """Write a run as a killed search leaves it: what it found is in the log alone."""
    store = RunStore.create(folder / "living", CONFIG, {"versions": {}})
    rng = np.random.default_rng(0)
    architectures = [SPACE.decode(SPACE.sample(rng)) for _ in range(3)]
    for architecture in architectures[:2]:
        store.start_attempt(architecture.key(), "context", "trained8")
        store.add(fake_outcome(architecture), "context")
    store.add(fake_failure(architectures[2]), "context")
    store.put_generation(1, Generation(1, (), 3, 1, 0.5).summary((1.0, 1.0)))
    store.put_metadata("status", "running")
    path = folder / "killed"
    shutil.copytree(folder / "living", path)
    store.close()
    shutil.rmtree(folder / "living")
    (path / "run.sqlite-shm").unlink()
    return path


def said(store: RunStore) -> list[Any]:
    """Return everything that a store says."""
    scores = [store.exit_records(one.key, one.fidelity) for one in store.evaluations()]
    answers = [None if one is None else one[1].predictions.tolist() for one in scores]
    return [
        [one.to_dict() for one in store.evaluations()], answers, store.generations(), store.attempts(),
        store.finished(), store.metadata("status"), store.count(),
    ]  # fmt: skip


def read_only_folder(path: Path) -> None:
    path.chmod(0o555)


def read_only_folder_and_files(path: Path) -> None:
    for file in path.iterdir():
        file.chmod(0o444 if file.is_file() else 0o555)
    path.chmod(0o555)


def read_only_files(path: Path) -> None:
    for file in path.glob("run.sqlite*"):
        file.chmod(0o444)
    path.chmod(0o777)


def read_only_database(path: Path) -> None:
    (path / "run.sqlite").chmod(0o444)
    (path / "run.sqlite-wal").chmod(0o666)
    path.chmod(0o777)


def read_only_folder_with_shared_memory(path: Path) -> None:
    shutil.copytree(path, path.with_name("other"))
    living = sqlite3.connect(path.with_name("other") / "run.sqlite")
    living.execute("SELECT COUNT(*) FROM metadata").fetchall()
    shutil.copy(path.with_name("other") / "run.sqlite-shm", path)
    living.close()
    path.chmod(0o555)


def no_place_for_shared_memory(path: Path) -> None:
    (path / "run.sqlite-shm").mkdir()
    path.chmod(0o777)


def link_to_another_folder(path: Path) -> None:
    store = path.with_name("store")
    store.mkdir()
    for file in path.glob("run.sqlite*"):
        file.rename(store / file.name)
    (path / "run.sqlite").symlink_to(store / "run.sqlite")
    store.chmod(0o555)
    path.chmod(0o555)


PLACES: list[Callable[[Path], None]] = [
    read_only_folder, read_only_folder_and_files, read_only_files, read_only_database,
    read_only_folder_with_shared_memory, no_place_for_shared_memory,
    link_to_another_folder,
]  # fmt: skip


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_a_killed_run_says_the_same_wherever_it_is_read(anywhere: Path, make: Callable[[Path], None]) -> None:
    path = killed_run(anywhere)
    shutil.copytree(path, anywhere / "copy")
    with RunStoreOf(anywhere / "copy") as store:
        expected = said(store)
    assert len(expected[0]) == 3
    before = (path / "run.sqlite").read_bytes()
    make(path)
    with as_plain_user(), RunStoreOf(path) as store:
        assert said(store) == expected
        with pytest.raises(RunError, match=r"write|Permission denied"), store.writing():
            pytest.fail("nothing can be written here")
        with pytest.raises(RunError, match=r"cannot write"):
            store.put_metadata("status", "finished")
    assert (path / "run.sqlite").read_bytes() == before
    assert (path / "run.sqlite").resolve().with_name("run.sqlite-wal").stat().st_size > 0


class RunStoreOf:
    """A store that is closed."""

    def __init__(self, path: Path) -> None:
        self._store = RunStore(path)

    def __enter__(self) -> RunStore:
        return self._store

    def __exit__(self, *error: object) -> None:
        self._store.close()


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR]
)
def test_where_sqlite_cannot_work_a_copy_is_read_whole(
    anywhere: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = killed_run(anywhere)

    def refused(file: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("refused")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(database, "_in_place", refused)
    with RunStoreOf(path) as store:
        assert store.count() == 3
        with pytest.raises(RunError, match=r"can be read, but not written.*aebnas resume"), store.writing():
            pytest.fail("a copy would be forgotten")


def test_a_log_that_may_not_be_read_is_told_never_ignored(anywhere: Path) -> None:
    path = killed_run(anywhere)
    (path / "run.sqlite-wal").chmod(0)
    path.chmod(0o555)
    with (
        as_plain_user(),
        pytest.raises(RunError, match=r"run\.sqlite-wal: Permission denied\. Give read") as caught,
    ):
        RunStore(path)
    assert caught.value.exit_code == 4


def test_a_change_that_was_cut_off_is_taken_back_in_the_copy(
    anywhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = killed_run(anywhere)
    with RunStoreOf(path) as store:
        expected = said(store)
    shutil.copytree(path, anywhere / "cut")
    writer = sqlite3.connect(path / "run.sqlite", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 1", "BEGIN IMMEDIATE",
        "UPDATE evaluations SET evaluation = zeroblob(40000), fidelity = key",
        "INSERT INTO metadata VALUES ('filler', zeroblob(200000))",
    ):  # fmt: skip
        writer.execute(statement)
    for file in path.glob("run.sqlite*"):
        shutil.copy(file, anywhere / "cut")
    writer.close()
    cut = anywhere / "cut"
    assert (cut / "run.sqlite-journal").stat().st_size > 0
    cut.chmod(0o555)
    with as_plain_user(), RunStoreOf(cut) as store:
        assert said(store) == expected


def test_files_that_change_while_they_are_copied_are_copied_again(
    anywhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, changes = killed_run(anywhere), [1, 1]
    copy = shutil.copyfile

    def meanwhile(source: Path, target: Path) -> None:
        copy(source, target)
        if changes and changes.pop():
            os.utime(path / "run.sqlite-wal", ns=(len(changes), len(changes)))

    monkeypatch.setattr(database.shutil, "copyfile", meanwhile)
    monkeypatch.setattr(database, "_in_place", _unworkable)
    with RunStoreOf(path) as store:
        assert store.count() == 3
    changes[:] = [1] * 100
    with pytest.raises(RunError, match=r"a search is writing to it\. Try again later"):
        RunStore(path)


def _unworkable(file: Path) -> sqlite3.Connection:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    raise error


def test_a_copy_leaves_no_file_behind(anywhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scratch = killed_run(anywhere), anywhere / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr(database, "_in_place", _unworkable)
    with RunStoreOf(path) as store:
        assert list(scratch.iterdir()) == []
        assert store.count() == 3


def test_a_folder_that_may_not_be_entered_is_told(anywhere: Path) -> None:
    path = killed_run(anywhere)
    path.chmod(stat.S_IRUSR)
    with as_plain_user(), pytest.raises(RunError, match="cannot be read: Permission denied"):
        RunStore(path)


def test_a_run_of_somebody_else_is_not_seen(anywhere: Path) -> None:
    path = killed_run(anywhere)
    assert has_database(path)
    path.chmod(stat.S_IRUSR)
    with as_plain_user():
        assert not has_database(path)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_folder_can_have_is_told(name: str) -> None:
    with pytest.raises(RunError, match=r"cannot be read|holds no run"):
        RunStore(Path(name))
