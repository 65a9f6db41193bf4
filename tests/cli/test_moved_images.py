"""Images that moved: ``--data`` names their new place, and their fingerprint guards it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.conftest import TINY, aebnas
from PIL import Image

from aebnas.config import load
from aebnas.config.schema import DataConfig
from aebnas.data.checks.moved import moved
from aebnas.errors import ConfigError, DataError

Command = Callable[..., Any]


def draw_pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for label in range(2):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(40):
            pixels = rng.integers(0, 128, (8, 8), dtype=np.uint8) + np.uint8(120 * label)
            Image.fromarray(pixels).save(folder / f"class{label}/{i}.png")
    shutil.copy(folder / "class0/1.png", folder / "class0/2.png")
    for i in range(3, 33):  # some of them on either side of the test cut
        shutil.copy(folder / "class1/1.png", folder / f"class1/{i}.png")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a trained network and the images where the run no longer finds them."""
    here = tmp_path_factory.mktemp("moved")
    draw_pictures(here / "old")
    np.savez(here / "new.npz", x_train=np.zeros((40, 8, 8), np.uint8), y_train=np.arange(40) % 2)
    text = TINY.replace("name: digits", f"folder: {here / 'old'}").replace("generations: 2", "generations: 1")
    (here / "tiny.yaml").write_text(text)
    assert aebnas("search", here / "tiny.yaml", "--runs", here / "runs").code == 0
    assert aebnas("train", here / "runs/tiny", "--epochs", 1, "-o", here / "net", "--device", "cpu").code == 0
    (here / "old").rename(here / "new")
    return here


def command(name: str, here: Path, tmp_path: Path) -> list[object]:
    """Return a command that reads the images of the run, or of the network."""
    if name == "resume":
        return [name, run_of(here, tmp_path), "--set", "search.generations=2"]
    if name == "train":
        return [name, run_of(here, tmp_path), "--epochs", 1, "-o", tmp_path / "net", "--device", "cpu"]
    if name == "export":
        return [name, here / "net", tmp_path / "export"]
    return [name, here / "net", "--images", 0, "--json"]


def run_of(here: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(here / "runs/tiny", tmp_path / "tiny"))


COMMANDS = ("resume", "train", "evaluate", "export")


@pytest.mark.parametrize("name", COMMANDS)
def test_missing_images_are_told_with_the_option_that_names_their_place(
    run_command: Command, searched: Path, tmp_path: Path, name: str
) -> None:
    answer = run_command(*command(name, searched, tmp_path))
    assert answer.code == 3
    assert answer.err.endswith("If the images have moved, name their new place: --data PATH\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_images_at_another_place_are_taken(
    run_command: Command, searched: Path, tmp_path: Path, name: str
) -> None:
    words = command(name, searched, tmp_path)
    answer = run_command(*words, "--data", searched / "new")
    assert answer.code == 0, answer.err
    if name == "resume":
        assert load(tmp_path / "tiny/config.yaml").data.folder == str(searched / "new")
        again = run_command("resume", tmp_path / "tiny", "--set", "search.generations=2")
        assert again.code == 0, again.err
    if name == "train":
        assert run_command("evaluate", tmp_path / "net", "--images", 0).code == 0
    if name == "evaluate":
        (warning,) = json.loads(answer.out)["warnings"]
        assert "test images" in warning
        assert json.loads((searched / "net/evaluation.json").read_text())["warnings"] == [warning]


@pytest.mark.parametrize("name", COMMANDS)
def test_other_images_are_refused_with_both_fingerprints(
    run_command: Command, searched: Path, tmp_path: Path, name: str
) -> None:
    other = Path(shutil.copytree(searched / "new", tmp_path / "other"))
    Image.new("L", (8, 8)).save(other / "class0/0.png")
    words = command(name, searched, tmp_path)
    before = (tmp_path / "tiny/config.yaml").read_text() if name == "resume" else ""
    answer = run_command(*words, "--data", other)
    assert answer.code in (3, 4)
    assert " then, " in answer.err
    assert "--data PATH" in answer.err
    if name == "resume":
        assert (tmp_path / "tiny/config.yaml").read_text() == before


def test_a_place_given_as_a_setting_is_refused_with_the_option(
    run_command: Command, searched: Path, tmp_path: Path
) -> None:
    answer = run_command("resume", run_of(searched, tmp_path), "--set", f"data.folder={searched / 'new'}")
    assert answer.code == 4
    assert "If the images have moved, name their new place: --data PATH. Start a new run" in answer.err


@pytest.mark.parametrize(
    ("data", "place", "error", "message"),
    [
        (DataConfig(folder="f"), "new.npz", DataError, "no such folder.* data.folder was f"),
        (DataConfig(folder="f"), "nowhere", DataError, "no such folder"),
        (DataConfig(npz="f.npz"), "new", DataError, "no such file.* data.npz was f.npz"),
        (DataConfig(name="cifar10", root="r"), "nowhere", DataError, "no such folder.* data.root was r"),
        (DataConfig(name="mnist5k"), "new", ConfigError, "mnist5k comes with an installed package"),
    ],
)
def test_a_place_of_another_kind_is_refused(
    searched: Path, data: DataConfig, place: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        moved(data, searched / place)


@pytest.mark.parametrize(
    ("data", "place", "field"),
    [
        (DataConfig(folder="f"), "new", "folder"),
        (DataConfig(npz="f.npz"), "new.npz", "npz"),
        (DataConfig(name="cifar10", root="r"), "new", "root"),
        (DataConfig(name="svhn"), "new", "root"),
    ],
)
def test_a_place_replaces_the_field_that_names_it(
    searched: Path, data: DataConfig, place: str, field: str
) -> None:
    there = moved(data, searched / place)
    assert there == data.model_copy(update={field: str(searched / place)})
