"""Whatever is wrong with a run, a checkpoint or an export folder: exit code 4, in every command."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from plain_user import as_plain_user, folder_for_everyone

Command = Callable[..., Any]


class World(NamedTuple):
    """A run, a checkpoint and an export that are sound, by kind, in a folder that every user may enter."""

    folder: Path
    sound: dict[str, Path]


@pytest.fixture(scope="module")
def world(tiny_search: tuple[Path, Any], run_command: Command) -> Iterator[World]:
    with folder_for_everyone() as folder:
        sound = {name: folder / f"sound-{name}" for name in ("run", "checkpoint", "export")}
        shutil.copytree(tiny_search[0], sound["run"])
        words = ("--pick", "best", "--epochs", 1, "--device", "cpu", "-o", sound["checkpoint"])
        assert run_command("train", sound["run"], *words).code == 0
        assert run_command("export", sound["checkpoint"], sound["export"], "--samples", 8).code == 0
        yield World(folder, sound)


def missing(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def other_kind(path: Path) -> None:
    """A file instead of a folder, a folder instead of a file."""
    was_folder = path.is_dir()
    missing(path)
    if was_folder:
        path.write_text("a file")
    else:
        path.mkdir()


def empty(path: Path) -> None:
    was_folder = path.is_dir()
    missing(path)
    if was_folder:
        path.mkdir()
    else:
        path.touch()


def unreadable(path: Path) -> None:
    path.chmod(0)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def not_utf8(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00 no text" * 50)


def nested_deeply(path: Path) -> None:
    path.write_bytes(b"[" * 50_000)


OF_FOLDERS = (missing, other_kind, empty, unreadable)
OF_FILES = (missing, other_kind, empty, unreadable, cut, not_utf8, nested_deeply)
FILES = {
    "run": ("run.sqlite", "config.yaml"),
    "checkpoint": ("checkpoint.yaml", "weights.pt", "logits.npz"),
    "export": ("model.json", "policy.json", "labels.json", "segment1.onnx"),
}
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "report": ("run", ("report", "HERE")),
    "report of two": ("run", ("report", "SOUND", "HERE", "-o", "OUT/report")),
    "resume": ("run", ("resume", "HERE")),
    "exits": ("run", ("exits", "HERE")),
    "rescore": ("run", ("rescore", "HERE", "--hardware", "none.yaml")),
    "export-study": ("run", ("export-study", "HERE", "sqlite:///OUT/study.db")),
    "train": ("run", ("train", "HERE", "--device", "cpu")),
    "evaluate": ("checkpoint", ("evaluate", "HERE", "--images", "0")),
    "evaluate --static": ("checkpoint", ("evaluate", "SOUND", "--static", "HERE", "--images", "0")),
    "export": ("checkpoint", ("export", "HERE", "OUT/export")),
    "run": ("export", ("run", "HERE", "picture.png")),
    "bench": ("export", ("bench", "HERE")),
    "bench --static": ("export", ("bench", "SOUND", "--static", "HERE")),
}


def refused(world: World, run_command: Command, name: str, spoil: Callable[[Path], None], file: str) -> str:
    """Return what a command says of a folder, or of one whose file, was spoiled; nothing: it took it."""
    kind, words = COMMANDS[name]
    here, out = world.folder / "here", world.folder / "out"
    for path in (here, out):
        if path.is_dir():
            path.chmod(0o755)
            for inner in path.iterdir():
                inner.chmod(0o755)
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    shutil.copytree(world.sound[kind], here)
    out.mkdir()
    out.chmod(0o777)
    spoil(here / file)
    places = {"HERE": here, "OUT": out, "SOUND": world.sound[kind]}
    for mark, path in places.items():
        words = tuple(word.replace(mark, str(path)) for word in words)
    with as_plain_user() if spoil is unreadable else nullcontext():
        answer = run_command(*words)
    where = f"{name}, {spoil.__name__} {file}: {answer}"
    assert answer.code == 4, where
    assert all(line.startswith("aebnas: ") for line in answer.err.splitlines() if "..." not in line), where
    assert "defect" not in answer.err, where
    assert str(here) in answer.err, where
    return str(answer.err)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_that_is_none_ends_with_4(world: World, run_command: Command, name: str) -> None:
    for spoil in OF_FOLDERS:
        refused(world, run_command, name, spoil, "")


SECOND = ("report of two", "evaluate --static", "bench --static")
"""They read the folder as another command does, after one that is sound: slow to try with every file."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SECOND else []) for name in COMMANDS]
)
def test_a_file_that_is_wrong_ends_with_4(world: World, run_command: Command, name: str) -> None:
    for file in FILES[COMMANDS[name][0]]:
        for spoil in OF_FILES:
            refused(world, run_command, name, spoil, file)


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "x/" * 3000])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_name_that_no_folder_can_have_ends_with_4(
    world: World, run_command: Command, name: str, path: str
) -> None:
    kind, words = COMMANDS[name]
    words = tuple(word.replace("SOUND", str(world.sound[kind])).replace("HERE", path) for word in words)
    answer = run_command(*(word.replace("OUT", str(world.folder)) for word in words))
    assert answer.code == 4, answer
    assert "defect" not in answer.err


@pytest.mark.parametrize("spoil", OF_FILES, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize(("name", "file"), [("exits", "labels.npz"), ("resume", "environment.json")])
def test_what_one_command_alone_reads_ends_with_4(
    world: World, run_command: Command, name: str, file: str, spoil: Callable[[Path], None]
) -> None:
    message = refused(world, run_command, name, spoil, file)
    assert file in message or "Permission denied" in message  # resume takes its lock before it reads


def test_mistakes_of_who_types_end_with_2(world: World, run_command: Command) -> None:
    run = world.sound["run"]
    for words in (
        ("resume", run, "--set", "search.generation=9"),
        ("train", run, "--pick", "macs:none"),
        ("train", run / "winners" / "none.yaml"),
        ("rescore", run, "--hardware", "none.yaml"),
    ):
        assert run_command(*words).code == 2, words


def test_a_run_may_have_the_name_of_a_file(world: World, run_command: Command) -> None:
    path = world.folder / "my.yaml"
    shutil.copytree(world.sound["run"], path)
    answer = run_command("train", path, "--pick", "macs:1")
    assert answer.code == 4, answer
    assert "none of" in answer.err
