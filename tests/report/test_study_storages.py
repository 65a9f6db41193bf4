"""Storages of Optuna studies: what keeps nothing is refused, and no password is ever shown."""

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from synthetic_runs import evaluations, search_file, store_of

import aebnas
from aebnas.cli import main
from aebnas.errors import RunError
from aebnas.report.files import study_storage
from aebnas.report.files.optuna_study import export_study
from aebnas.report.files.study_storage import check_storage, shown, telling
from aebnas.runs.frame import LoadedRun

CONFIG = search_file()
SECRET = "s3cr3t"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store_of(tmp_path / "run", CONFIG, evaluations(CONFIG, 2), [2])
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database " * 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


@pytest.fixture
def run(path: Path) -> LoadedRun:
    return aebnas.load_run(path)


MEMORY = [
    "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite+pysqlite:///:memory:",
    "sqlite:///file::memory:?cache=shared&uri=true", "sqlite:///file:study?mode=memory&uri=true",
    "sqlite:///file:?uri=true",
]  # fmt: skip


@pytest.mark.parametrize("storage", MEMORY)
def test_a_database_in_memory_is_refused(
    path: Path, storage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export-study", str(path), storage]) == 4
    output = capsys.readouterr()
    assert (
        "a database in memory is gone when the command ends. Name a file, as in sqlite:///study.db"
        in output.err
    )
    assert output.out == ""


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("study.db", "a storage is an address. For a file: sqlite:///study.db"),
        ("folder/my study.db", "For a file: 'sqlite:///folder/my study.db'"),
        ("/tmp/study.db", "For a file: sqlite:////tmp/study.db"),
        ("sqlite:study.db", "For a file: sqlite:///study.db"),
        ("sqlite:/study.db", "For a file: sqlite:///study.db"),
        ("sqlite://study.db", "a file has three slashes: sqlite:///study.db"),
        ("sqlite://studies/a.db", "a file has three slashes: sqlite:///studies/a.db"),
        ("", "For a file: sqlite:///study.db; for a server: postgresql://"),
        ("  ", "For a file: sqlite:///study.db; for a server: postgresql://"),
        (" sqlite:///study.db", "there is space around it: sqlite:///study.db"),
        ("sqlite:///study.db\n", "there is space around it: sqlite:///study.db"),
        ("sqlit:///study.db", "unknown kind of database 'sqlit'. Did you mean 'sqlite'?"),
        ("postgres://h/d", "unknown kind of database 'postgres'. Did you mean 'postgresql'?"),
        ("mysql+none://h/d", "unknown driver 'none'. Without one: mysql://"),
        ("file:///study.log", "unknown kind of database 'file'"),
        ("redis://h:6379", "Optuna keeps no studies in Redis"),
        ("postgresql://h:port/d", "this is no address"),
        ("sqlite:///folder", "folder is a folder. Name a file in it, as in sqlite:///folder/study.db"),
        ("sqlite:///no/such/study.db", "there is no folder no/such: mkdir -p no/such"),
        ("sqlite:///run/run.sqlite", "this is the run's own database"),
        ("sqlite:///folder/../run/run.sqlite", "this is the run's own database"),
        ("sqlite:///text.db", "file is not a database"),
        ("sqlite:///" + "x" * 300, "File name too long"),
        ("sqlite:///a\0b", "null"),
        ("sqlite+aiosqlite:///study.db", "Optuna needs a driver that waits. Without a name: sqlite://"),
    ],
)
def test_an_address_that_will_not_do_is_told_with_one_that_will(
    path: Path, storage: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (path / "run.sqlite").read_bytes()
    assert main(["export-study", str(path), storage]) == 4
    output = capsys.readouterr()
    assert words in output.err
    assert output.err.startswith("aebnas: cannot write to ")
    assert output.out == ""
    assert (path / "run.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "module", "package"),
    [
        ("postgresql+psycopg", "psycopg", "psycopg[binary]"),
        ("postgresql+psycopg2", "psycopg2", "psycopg2-binary"),
        ("mysql", "MySQLdb", "mysqlclient"),
        ("mysql+pymysql", "pymysql", "pymysql"),
        ("mariadb+pymysql", "pymysql", "pymysql"),
        ("oracle+oracledb", "oracledb", "oracledb"),
        ("mssql+pyodbc", "pyodbc", "pyodbc"),
    ],
)
def test_a_driver_that_is_missing_is_told_with_its_package(
    run: LoadedRun, kind: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # missing, also where it is installed
    with pytest.raises(RunError) as caught:
        export_study(run, f"{kind}://user:{SECRET}@host/name")
    words = str(caught.value)
    assert words.startswith(f"cannot write to {kind}://user:***@host/name: ")
    assert f"its driver {module} is not installed. Install it: pip install " in words
    assert package in words
    assert SECRET not in words


PLACES: list[Callable[[str], str]] = [
    lambda secret: f"postgresql://user:{secret}@host/name",
    lambda secret: f"mysql+pymysql://user:{secret}@host:3306/name?charset=utf8",
    lambda secret: f"postgres://:{secret}@host",
    lambda secret: f"redis://:{secret}@host:6379",
    lambda secret: f"postgresql://user:{secret}@host:port/name",
    lambda secret: f"sqlite://user:{secret}@host/name",
    lambda secret: f"user:{secret}@host/name",
    lambda secret: f" postgresql://user:{secret}@host/name",
    lambda secret: f"nonsense://user:{secret}@host/name",
]


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=5, max_size=20),
    place=st.sampled_from(PLACES),
)
def test_no_password_is_shown_whatever_it_holds(secret: str, place: Callable[[str], str]) -> None:
    for word in {secret, quote(secret, safe="")}:
        storage = place(word)
        assert word not in shown(storage)
        with pytest.raises(RunError) as caught:
            refuse(storage, word)
        assert word not in str(caught.value)
        assert secret not in str(caught.value)


def refuse(storage: str, secret: str) -> NoReturn:
    """Refuse an address, at the latest as a driver does that repeats what it was given."""
    check_storage(storage, Path("run"))
    with telling(storage, "study"):
        raise OperationalError("SELECT 1", {}, OSError(f"login with {secret} failed at {storage}"))
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("name", ["password", "sslpassword", "passwd", "pwd", "api_key", "token", "PASSWORD"])
def test_no_password_among_the_options_is_shown(run: LoadedRun, name: str) -> None:
    storage = f"postgresql+psycopg://user@host/name?connect_timeout=1&{name}={SECRET}&x=1"
    assert shown(storage) == f"postgresql+psycopg://user@host/name?connect_timeout=1&{name}=***&x=1"
    with pytest.raises(RunError) as caught:
        export_study(run, storage)
    assert SECRET not in str(caught.value)


def test_a_password_that_lacks_its_host_is_not_shown(run: LoadedRun) -> None:
    with pytest.raises(RunError, match=r"postgresql://user:\*\*\*: this is no address") as caught:
        export_study(run, f"postgresql://user:{SECRET}")
    assert SECRET not in str(caught.value)


def test_the_line_of_success_shows_no_password(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("aebnas.report.files.optuna_study.export_study", lambda run, storage, name: 7)
    assert main(["export-study", str(path), f"mysql://user:{SECRET}@host/name"]) == 0
    assert capsys.readouterr().out == "7 trials: optuna-dashboard 'mysql://user:***@host/name'\n"


def test_files_of_any_name_are_written_and_shown_as_they_are(
    path: Path, run: LoadedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("study.db", "my study.db", "a:b@c.db", "folder/study.db"):
        assert main(["export-study", str(path), f"sqlite:///{name}"]) == 0
        assert f"{len(run.contents.points)} trials: optuna-dashboard " in capsys.readouterr().out
        assert shown(f"sqlite:///{name}") == f"sqlite:///{name}"
        assert len(optuna.load_study(study_name="run", storage=f"sqlite:///{name}").trials) == len(
            run.contents.points
        )


def test_a_storage_that_forgets_is_found_out(run: LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful:
        def get_trials(self, deepcopy: bool) -> list[Any]:
            return []

    monkeypatch.setattr(optuna, "load_study", lambda **options: Forgetful())
    count = len(run.contents.points)
    with pytest.raises(RunError, match=rf"keeps 0 of {count} trials"):
        export_study(run, "sqlite:///study.db")


def test_a_study_that_could_not_be_written_whole_is_taken_back(
    path: Path, run: LoadedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: optuna.Study, trials: object) -> NoReturn:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trials", full)
        with pytest.raises(RunError, match=r"sqlite:///study\.db: database or disk is full"):
            export_study(run, "sqlite:///study.db")
    assert optuna.get_all_study_names("sqlite:///study.db") == []
    assert export_study(run, "sqlite:///study.db") == len(run.contents.points)


def test_a_server_that_does_not_answer_is_told(run: LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**options: object) -> NoReturn:
        raise OperationalError("", {}, ConnectionRefusedError("could not connect\nmore lines"))

    monkeypatch.setattr(optuna, "create_study", down)
    monkeypatch.setattr(study_storage, "_check_kind", lambda storage, url: None)
    words = r"^cannot write to postgresql://u:\*\*\*@h/d: could not connect\. Does the server run"
    with pytest.raises(RunError, match=words):
        export_study(run, f"postgresql://u:{SECRET}@h/d")


def test_a_study_of_the_same_name_is_told_without_the_password(
    run: LoadedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"postgresql://u:{SECRET}@h/d"
    with (
        pytest.raises(RunError, match=r"^postgresql://u:\*\*\*@h/d has a study 'run' already"),
        telling(storage, "run"),
    ):
        raise optuna.exceptions.DuplicatedStudyError


def test_a_storage_that_may_not_be_written_is_told(run: LoadedRun) -> None:
    export_study(run, "sqlite:///study.db")
    with pytest.raises(RunError, match=r"attempt to write a readonly database\. May the file"):
        export_study(run, "sqlite:///file:study.db?mode=ro&uri=true", "second")
