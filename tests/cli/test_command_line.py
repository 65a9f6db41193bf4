"""Usage, exit codes and messages; nothing here trains."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from config.mutations import mutations

import aebnas.cli.commands
from aebnas.cli.commands.runs import search
from aebnas.cli.main import ALL, COMMANDS
from aebnas.errors import WorkerError

Command = Callable[..., Any]
HEAVY = ("torch", "ray", "pymoo", "optuna", "numpy", "pydantic", "rich", "pandas")


@pytest.fixture
def no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file that should have been refused fail the test at once instead of training."""

    def started(*_: object) -> int:
        raise WorkerError("a search was started")

    monkeypatch.setattr(search, "run_under_view", started)


@pytest.mark.parametrize("words", [["--help"], ["search", "--help"], ["-v"]])
def test_help_and_version_import_no_heavy_library(words: list[str]) -> None:
    code = (
        "import sys; from aebnas.cli import main\n"
        f"try: main({words})\n"
        f"except SystemExit: print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "LOADED []"


def test_every_file_of_commands_is_one_command_of_the_table() -> None:
    folder = Path(aebnas.cli.commands.__file__).parent
    files = {path.stem for path in folder.rglob("*.py") if path.stem != "__init__"}
    assert files == {command.run.__module__.rpartition(".")[2] for command in ALL}
    assert {name.replace("-", "_") for name in COMMANDS} == files


def test_a_mistake_in_a_file_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("nmae: x\n")
    code = (
        "import sys; from aebnas.cli import main\n"
        f"main(['search', {str(tmp_path / 'x.yaml')!r}]); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
    assert f"{tmp_path / 'x.yaml'}:1: unknown field 'nmae'" in answer.stderr


def test_a_misspelled_command_is_answered_with_the_nearest(run_command: Command) -> None:
    answer = run_command("serach", "x.yaml")
    assert answer.code == 2
    assert "unknown command 'serach'. Did you mean 'search'?" in answer.err


def test_no_command_prints_the_help_and_fails(run_command: Command) -> None:
    answer = run_command()
    assert answer.code == 2
    assert "exit codes:" in answer.err


@pytest.mark.parametrize(
    "words", [["search"], ["check", "x.yaml", "--samples", "0"], ["check", "x.yaml", "--samples", "a"]]
)
def test_wrong_usage_exits_with_2(run_command: Command, words: list[str]) -> None:
    answer = run_command(*words)
    assert answer.code == 2
    assert "error:" in answer.err


def test_a_typo_exits_with_2_at_its_line_without_a_run(
    run_command: Command, tiny_file: Path, no_search: None
) -> None:
    tiny_file.write_text(tiny_file.read_text().replace("mbconv", "mbcnv"))
    answer = run_command("search", tiny_file, "--runs", tiny_file.parent / "runs")
    assert answer.code == 2
    assert re.match(rf"aebnas: {tiny_file}:7: .*'mbcnv'\. Did you mean 'mbconv'\?", answer.err)
    assert not (tiny_file.parent / "runs").exists()


def test_mutated_files_are_refused_with_file_and_line(
    run_command: Command, tiny_file: Path, no_search: None
) -> None:
    runs, broken = tiny_file.parent / "runs", tiny_file.with_name("mutated.yaml")
    output = re.compile(rf"aebnas: {broken}:\d+: .+")
    for kind, content in mutations(tiny_file.read_text(), seed=1, count=120):
        broken.write_bytes(content)
        answer = run_command("search", broken, "--runs", runs)
        case = f"{kind}: {answer}\n{content!r}"
        assert answer.code == 2, case
        assert answer.out == "", case
        assert answer.err, case
        assert all(output.fullmatch(line) for line in answer.err.splitlines()), case
        assert not runs.exists(), case


@pytest.mark.parametrize("index", range(3))
def test_a_real_process_refuses_a_mutated_file_without_a_traceback(tiny_file: Path, index: int) -> None:
    kind, content = mutations(tiny_file.read_text(), seed=2, count=36)[index * 11]
    broken = tiny_file.with_name("mutated.yaml")
    broken.write_bytes(content)
    words = [sys.executable, "-m", "aebnas", "search", broken, "--runs", tiny_file.parent / "runs"]
    answer = subprocess.run(words, capture_output=True, text=True)
    assert answer.returncode == 2, kind
    assert f"{broken}:" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tiny_file.parent / "runs").exists()


@pytest.mark.parametrize("name", ["../x", ".x", "-x", "a b", "a/b", "x" * 101])
def test_a_run_name_that_is_no_plain_folder_name_is_refused(
    run_command: Command, tiny_file: Path, no_search: None, name: str
) -> None:
    answer = run_command("search", tiny_file, f"--name={name}")
    assert answer.code == 2
    assert f"--name {name!r}" in answer.err


@pytest.mark.parametrize("name", ["x", "cifar10-seed1", "7", "a.b_c"])
def test_a_plain_folder_name_is_accepted(
    run_command: Command, tiny_file: Path, no_search: None, name: str
) -> None:
    assert "a search was started" in run_command("search", tiny_file, f"--name={name}").err


def test_init_never_overwrites_unasked(run_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("mine")
    assert run_command("init", file).code == 2
    assert file.read_text() == "mine"
    assert run_command("init", file, "--force").code == 0
    assert file.read_text().startswith("# Search-space file")


def test_an_error_of_the_system_is_one_line_with_its_path(
    run_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error", "a/file")

    monkeypatch.setattr("aebnas.hardware.profile.inventory.inventory", broken)
    answer = run_command("devices")
    assert answer.code == 1
    assert answer.err == "aebnas: a/file: Input/output error\n"


def test_a_run_whose_name_is_too_long_is_told(run_command: Command) -> None:
    answer = run_command("resume", "x" * 300)
    assert answer.code == 4
    assert answer.err == f"aebnas: '{'x' * 300}/run.sqlite' cannot be read: File name too long\n"


def test_a_defect_is_told_in_one_line_and_its_traceback_kept(
    run_command: Command, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise KeyError("some\nthing")

    monkeypatch.setattr(search, "run_under_view", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tiny_file.parent))
    answer = run_command("search", tiny_file)
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("aebnas: KeyError: 'some\\nthing'. This is a defect in AEBNAS")
    path = Path(answer.err.rsplit("Traceback: ", 1)[1].strip())
    assert "raise KeyError" in path.read_text()


def test_tracebacks_are_printed_on_request(
    run_command: Command, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise KeyError("x")

    monkeypatch.setattr(search, "run_under_view", broken)
    monkeypatch.setenv("AEBNAS_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in run_command("search", tiny_file).err


def test_a_command_leaves_the_signal_handlers_as_they_were(run_command: Command, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run_command("init", tmp_path / "x.yaml")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_terminal_without_unicode_gets_question_marks_not_a_traceback(tiny_file: Path) -> None:
    tiny_file.write_text(tiny_file.read_text().replace("name: tiny", "nämé: tiny"))
    words = [sys.executable, "-m", "aebnas", "check", tiny_file]
    answer = subprocess.run(
        words, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    )
    assert answer.returncode == 2
    assert b"n?m?" in answer.stderr
