"""One small network, really trained once, and its exports; tests that change a folder copy it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deploy.small_checkpoints import leaving_everywhere, write_checkpoint

from aebnas.deploy.exporting.export import export


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With its INT8 twin."""
    return export(checkpoint, tmp_path_factory.mktemp("export") / "model", int8=True).folder


@pytest.fixture(scope="session")
def boosted_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boosted")
    checkpoint = write_checkpoint(folder / "checkpoint", "boosted", policy=leaving_everywhere("boosted"))
    return export(checkpoint, folder / "model").folder


@pytest.fixture(scope="session")
def static_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    return export(write_checkpoint(folder / "checkpoint", is_static=True), folder / "model").folder


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Callable[[], Path]:
    """Return a fresh copy of the export each time, always at the same place."""

    def copy() -> Path:
        folder = tmp_path / "model"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(exported, folder)
        return folder

    return copy
