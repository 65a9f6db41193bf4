"""A folder as a user has it, with code of each kind and a file that names it; a finished search of it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import aebnas

PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="session")
def run_command() -> Callable[..., Any]:
    return aebnas


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, and the current one."""
    shutil.copytree(PACKAGE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def searched_once(tmp_path_factory: pytest.TempPathFactory, run_command: Callable[..., Any]) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
    answer = run_command("search", folder / "space.yaml", "--runs", folder / "runs")
    assert answer.code == 0, answer.err
    return folder


@pytest.fixture
def searched(searched_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of such a folder with a finished run in ``runs/own``, and the current folder."""
    copy = tmp_path / "searched"
    shutil.copytree(searched_once, copy)
    config = copy / "runs/own/config.yaml"
    config.write_text(config.read_text().replace(str(searched_once), str(copy)))
    monkeypatch.chdir(copy)
    return copy
