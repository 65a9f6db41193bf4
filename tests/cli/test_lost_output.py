"""Standard output that is lost in mid-command: exit codes, work done and last words as documented."""

import contextlib
import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hardware.synthetic_profiles import layers_of, profile_of, written
from PIL import Image
from training.small_training import digits

from aebnas.cli import main
from aebnas.cli.main import COMMANDS
from aebnas.cli.streams import GONE
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
PRINTING = [name for name, command in COMMANDS.items() if command.only_prints]
KINDS = {"a closed pipe": errno.EPIPE, "a full disk": errno.ENOSPC}


class Losing(io.StringIO):
    """A stream whose writes fail after some of them, as ``head`` and a full disk let them."""

    def __init__(self, number: int, after: int, is_terminal: bool = False) -> None:
        super().__init__()
        self.number, self.left, self.is_terminal = number, after, is_terminal

    def write(self, text: str) -> int:
        if self.left == 0:
            raise OSError(self.number, os.strerror(self.number))
        self.left -= 1
        return super().write(text)

    def isatty(self) -> bool:
        return self.is_terminal


class Buffered(Losing):
    """One that fails when it is flushed, as ``> /dev/full`` does."""

    def write(self, text: str) -> int:
        return io.StringIO.write(self, text)

    def flush(self) -> None:
        raise OSError(self.number, os.strerror(self.number))


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def losing(stream: io.StringIO, *words: object) -> Answer:
    err = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Answer(code, stream.getvalue(), err.getvalue())


def words_of(place: Path, scratch: Path) -> dict[str, list[object]]:
    """Every command, as quick as it can be."""
    run, file = place / "runs" / "tiny", place / "tiny.yaml"
    return {
        "init": ["init", scratch / "space.yaml"],
        "check": ["check", file, "--samples", 10],
        "search": ["search", file, "--runs", scratch, "--set", "search.generations=1"],
        "resume": ["resume", run],
        "report": ["report", run, "-o", scratch / "page"],
        "profile": ["profile", file, "-o", scratch / "x.yaml", "--dry-run"],
        "devices": ["devices"],
        "rescore": ["rescore", run, "--hardware", scratch / "board.yaml"],
        "exits": ["exits", run, "-o", scratch / "exits.html"],
        "supernet": ["supernet", scratch / "shared.yaml", "--runs", scratch],
        "train": ["train", run, "-o", scratch / "net", "--epochs", 1, "--device", "cpu"],
        "evaluate": ["evaluate", place / "checkpoint", "--images", 0],
        "export": ["export", place / "checkpoint", scratch / "model", "--samples", 0],
        "run": ["run", place / "model", scratch / "image.png"],
        "bench": ["bench", place / "model", "--rounds", 1],
        "export-study": ["export-study", run, f"sqlite:///{scratch / 'study.db'}"],
    }


KEPT = {
    "init": "space.yaml", "search": "tiny/report.html", "report": "page/report.html",
    "supernet": "tiny/supernet/supernet.safetensors", "train": "net/checkpoint.yaml",
    "export": "model/model.json", "export-study": "study.db",
}  # fmt: skip
"""What a command leaves behind, below its folder."""


@pytest.fixture
def words(place: Path, tmp_path: Path) -> dict[str, list[object]]:
    settings = "{fidelities: [inherited]}\nsupernet: {epochs: 1}"
    (tmp_path / "shared.yaml").write_text(f"{(place / 'tiny.yaml').read_text()}evaluation: {settings}\n")
    Image.fromarray(digits().select.pixels[0, :, :, 0]).save(tmp_path / "image.png")
    written(tmp_path, profile_of(layers_of(place / "tiny.yaml")))
    return words_of(place, tmp_path)


EXPENSIVE = ("search", "supernet", "train", "profile", "export", "export-study", "exits", "bench")


def cases() -> list[Any]:
    """Every command with every kind of loss; a full disk is slow to try with some."""
    slow = [(command, "a full disk") for command in EXPENSIVE]
    pairs = [(command, kind) for command in COMMANDS for kind in KINDS]
    return [pytest.param(*pair, marks=[pytest.mark.slow] if pair in slow else []) for pair in pairs]


@pytest.mark.parametrize(("command", "kind"), cases())
def test_every_command_ends_as_documented(
    command: str, kind: str, words: dict[str, list[object]], tmp_path: Path
) -> None:
    code, _, err = losing(Losing(KINDS[kind], after=0), *words[command])
    is_full = KINDS[kind] == errno.ENOSPC
    assert ("No space left on device" in err) == is_full
    if command in PRINTING:
        assert code == (1 if is_full else GONE)
        assert err.count("\n") == is_full, "a closed pipe ends it quietly"
        return
    assert code == (1 if is_full else 0), err
    assert f"aebnas {command} goes on without it" in err
    assert command not in KEPT or (tmp_path / KEPT[command]).exists()
    assert command not in KEPT or str(tmp_path / Path(KEPT[command]).parts[0]) in err or "trials" in err


def moments() -> list[Any]:
    """Every view, lost in both ways at four moments; of a moment's two ways one is slow."""
    pairs = [(after, kind) for after in (0, 1, 3, 9) for kind in KINDS]
    quick = [(0, "a closed pipe"), (1, "a full disk"), (3, "a closed pipe"), (9, "a full disk")]
    return [pytest.param(*pair, marks=[] if pair in quick else [pytest.mark.slow]) for pair in pairs]


@pytest.mark.parametrize(("after", "kind"), moments())
@pytest.mark.parametrize("view", ["plain", "json", "live"])
def test_a_view_may_be_lost_at_any_moment(
    view: str, after: int, kind: str, words: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Losing(KINDS[kind], after, is_terminal=view == "live")
    answer = losing(stream, *words["resume"], *(["--json"] if view == "json" else []))
    assert stream.left == 0, "the stream was lost"
    assert answer.code == (1 if KINDS[kind] == errno.ENOSPC else 0)
    assert f"{words['resume'][1]} is finished. Report: " in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("command", ["init", "check", "devices", "report", "rescore", "export", "run"])
def test_output_that_fails_in_the_last_flush_is_told(command: str, words: dict[str, list[object]]) -> None:
    answer = losing(Buffered(errno.ENOSPC, after=-1), *words[command])
    assert answer.code == 1
    assert "standard output is incomplete: No space left on device" in answer.err


@pytest.mark.parametrize("words", [["--help"], ["-v"], ["search", "--help"]])
def test_a_help_that_cannot_be_printed_is_told(words: list[str]) -> None:
    assert losing(Buffered(errno.ENOSPC, after=-1), *words).code == 1
    assert losing(Buffered(errno.EPIPE, after=-1), *words).code == GONE


def test_an_interrupted_command_without_its_view_tells_what_continues(
    words: dict[str, list[object]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aebnas.report.write_report", interrupted)
    monkeypatch.setattr("aebnas.train.full.winner_training.train_winner", interrupted)
    monkeypatch.setattr("aebnas.search.artefacts.supernets.trained_supernet", interrupted)
    for command, output in {
        "resume": f"Continue: aebnas resume {words['resume'][1]}",
        "train": f"Continue: aebnas train {words['train'][1]}",
        "supernet": f"The same command continues: aebnas supernet {tmp_path / 'shared.yaml'}",
    }.items():
        answer = losing(Losing(errno.EPIPE, after=0), *words[command])
        assert answer.code == 130
        assert output in answer.err


def test_an_error_keeps_its_exit_code(words: dict[str, list[object]], tmp_path: Path) -> None:
    assert losing(Losing(errno.EPIPE, after=0), "resume", tmp_path / "none").code == 4
    assert losing(Losing(errno.EPIPE, after=0), "check", tmp_path / "none.yaml").code == 2


def test_standard_error_that_is_lost_changes_nothing(words: dict[str, list[object]], tmp_path: Path) -> None:
    for code, command in {4: ["resume", tmp_path / "none"], 0: words["check"]}.items():
        with (
            contextlib.redirect_stderr(Losing(errno.ENOSPC, after=0)),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            assert main([str(word) for word in command]) == code


def process(*words: object, **streams: Any) -> Any:
    return subprocess.run([sys.executable, "-m", "aebnas", *map(str, words)], text=True, **streams)


def test_a_closed_output_of_a_process_does_not_become_the_next_file(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.close(1); os.close(2); sys.stdout = sys.stderr = None\n"
        "from aebnas.cli.streams import guarded_streams\n"
        "with guarded_streams():\n"
        f"    raise SystemExit(os.open({str(tmp_path / 'file')!r}, os.O_CREAT | os.O_WRONLY))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode > 2


@pytest.mark.slow
def test_a_process_whose_pipe_closes_ends_quietly(place: Path) -> None:
    command = f"{sys.executable} -m aebnas check {place / 'tiny.yaml'} --samples 10 | true"
    answer = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert (answer.stdout, answer.stderr) == (f"{GONE}\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending", ["| true", "--json | head -1", "> /dev/full", "--json >&-", "2>&-", ">&- 2>&-", "2>&1 | true"]
)
def test_a_search_of_a_real_process_is_finished_whatever_becomes_of_its_output(
    place: Path, tmp_path: Path, ending: str
) -> None:
    command = f"{sys.executable} -m aebnas search {place / 'tiny.yaml'} --runs {tmp_path}"
    script = f"{command} {ending}; echo ${{PIPESTATUS[0]}} > {tmp_path / 'code'}"
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    is_lost = ending in ("> /dev/full", "--json >&-", ">&- 2>&-")
    assert (tmp_path / "code").read_text() == f"{int(is_lost)}\n"
    assert (tmp_path / "tiny" / "report.html").exists()
    assert RunStore(tmp_path / "tiny").count() == RunStore(place / "runs" / "tiny").count()
    assert "Traceback" not in answer.stderr
    assert "Exception ignored" not in answer.stderr


@pytest.mark.slow
def test_a_terminal_that_closes_does_not_end_a_search(place: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "aebnas", "search", place / "tiny.yaml", "--runs", tmp_path]
    search = subprocess.Popen(words, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    _, err = search.communicate()
    assert search.returncode == 0, err
    assert "is finished" in err
    assert (tmp_path / "tiny" / "report.html").exists()


@pytest.mark.slow
def test_a_search_without_its_view_is_interrupted_in_order(place: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "aebnas", "search", place / "tiny.yaml", "--runs", tmp_path]
    words += ["--set", "search.generations=500"]
    search = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with search:
        assert search.stdout is not None
        assert search.stderr is not None
        search.stdout.readline()
        search.stdout.close()
        assert "goes on without it" in search.stderr.readline()
        search.send_signal(signal.SIGTERM)
        rest = search.stderr.read()
    assert search.returncode == 130
    assert "Interrupted" in rest
