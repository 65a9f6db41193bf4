"""What README tells people to type works; the searched files are made smaller."""

import os
import re
from pathlib import Path

import pytest
from documents import ROOT, blocks, check_part, follow, workplace

from aebnas.config import load, parse

README = (ROOT / "README.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUN", "")
    monkeypatch.chdir(workplace(tmp_path))
    return tmp_path


def test_the_commands_run_one_after_the_other(folder: Path) -> None:
    ran = follow("".join(f"```console\n{one.text}```\n" for one in blocks(README, "console")), "README.md")
    result = ["search", "search", "train", "evaluate", "export", "run"]  # the first is `make demo`
    views = ["init", "check", "search", "resume", "report", "exits", "export-study", "bench"]
    assert ran == [*result, *views, "devices", "profile"]
    assert os.environ["RUN"] == "runs/demo-today"
    assert (folder / "runs/quick/report.html").is_file()
    assert list((folder / "runs/quick/winners").glob("*.yaml"))


def test_four_commands_lead_from_the_demo_to_a_model_that_runs() -> None:
    (block,) = (one for one in blocks(README, "console") if "$RUN" in one.text)
    words = re.findall(r"^\$ aebnas (\w+)", block.text, re.M)
    assert words == ["train", "evaluate", "export", "run"]


def test_the_python_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(README, "python")
    assert len(block.text.splitlines()) <= 10
    exec(compile(block.text, "README.md", "exec"), {"__name__": "readme"})
    assert re.search(r"^[0-9a-f]{16} ", capsys.readouterr().out, re.M)


def test_the_search_space_shown_is_the_one_shipped_and_its_parts_are_valid() -> None:
    whole, *parts = blocks(README, "yaml")
    assert parse(whole.text.encode(), "README.md") == load(ROOT / "search_spaces/mnist5k.yaml")
    assert [check_part(part.text).hardware for part in parts] == [
        ("hardware_profiles/xeon-onnxruntime-mnist5k.yaml",)
    ]


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_no_number_is_missing() -> None:
    assert "{{" not in README
