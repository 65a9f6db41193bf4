"""What README tells people to type works; long searches are shortened."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from aebnas.cli import main
from aebnas.config import load, parse

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SHORTER = ["--set", "training.epochs=1", "--set", "constraints={}", "--set", "workers.mode=serial"]
TRAININGS = {"search": "search.max_trainings=2", "resume": "search.max_trainings=3"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def commands() -> list[list[str]]:
    """Return the lines behind a prompt that call aebnas on a named run or a new file."""
    lines = re.findall(r"^\$ aebnas (.+)$", "\n".join(blocks("console")), re.M)
    return [shlex.split(line) for line in lines if line != "search search_spaces/mnist5k.yaml"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "search_spaces", tmp_path / "search_spaces")
    (tmp_path / "my_images").mkdir()
    Image.linear_gradient("L").save(tmp_path / "my_images/gradient.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_run_one_after_the_other(folder: Path) -> None:
    ran = []
    for command in commands():
        words = [
            TRAININGS[command[0]] if word.startswith("search.max_trainings") else word for word in command
        ]
        assert main(words + (SHORTER if words[0] == "search" else [])) == 0
        ran.append(words[0])
    before, after = ["init", "check", "search", "resume", "report"], ["devices", "profile"]
    assert ran == [*before, "exits", "train", "evaluate", "export", "run", "bench", *after]
    assert (folder / "runs/quick/report.html").is_file()
    assert list((folder / "runs/quick/winners").glob("*.yaml"))


def test_the_python_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    assert len(code.splitlines()) <= 10
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert re.search(r"^[0-9a-f]{16} ", capsys.readouterr().out, re.M)


def test_the_search_space_shown_is_the_one_shipped() -> None:
    text = blocks("yaml")[0]
    assert parse(text.encode(), "README.md") == load(ROOT / "search_spaces/mnist5k.yaml")


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_no_number_is_missing() -> None:
    assert "{{" not in README
