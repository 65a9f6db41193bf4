"""A small search file, the command line in process, and one finished run."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from deploy.small_checkpoints import write_checkpoint

from aebnas.cli import main

TINY = """\
name: tiny
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {kernel: 3, stride: 2, width: [8, 12]}
  stages:
    - {depth: 1, width: [8, 12], block: {type: [residual, conv], kernel: [3, 5], se: [false, true]}}
    - {depth: 1, width: [16, 24], stride: 2, block: {type: [residual, mbconv], expansion: [1, 2]}}
  exits:
    after: [stage1]
    branch: {modules: [0, 1], module: {type: [conv, pool], width: [0.5, 1.0]}}
training: {epochs: 1, batch_size: 64}
search: {population: 3, generations: 2}
workers: {mode: serial}
"""


class Answer(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def aebnas(*words: object) -> Answer:
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def run_command() -> Callable[..., Answer]:
    return aebnas


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_search(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """A finished run and what its search printed."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(TINY)
    return folder / "runs" / "tiny", aebnas("search", folder / "tiny.yaml", "--runs", folder / "runs")


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search file, a finished run, a checkpoint and its export."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tiny.yaml").write_text(TINY.replace("after: [stage1]", "after: [stage1]\n    optional: false"))
    assert aebnas("search", folder / "tiny.yaml", "--runs", folder / "runs").code == 0
    write_checkpoint(folder / "checkpoint")
    assert aebnas("export", folder / "checkpoint", folder / "model", "--samples", 20).code == 0
    return folder
