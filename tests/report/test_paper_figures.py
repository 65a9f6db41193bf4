"""Figures for papers: there for every state of a run, the same for the same run."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image
from static_runs import answered, networks, run_of
from synthetic_runs import evaluations, search_file, store_of

from aebnas.cli import main
from aebnas.errors import RunError
from aebnas.report import write_figures
from aebnas.runs.status import RunStatus
from aebnas.runs.store.store import RunStore

NAMES = {f"{name}.{kind}" for name in ("front-macs", "curves-macs", "hypervolume") for kind in ("svg", "png")}


def drawn_words(svg: Path) -> str:
    """The texts of a picture, which are drawn as paths behind comments."""
    return " ".join(re.findall(r"<!-- (.*?) -->", svg.read_text()))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    config = search_file("constraints.macs.max=150000")
    return store_of(tmp_path / "run", config, evaluations(config, 8), [4, 8])


def test_every_plot_is_there_as_vectors_and_as_pixels(store: RunStore, tmp_path: Path) -> None:
    assert {path.name for path in write_figures([store], tmp_path / "figures")} == NAMES
    for name in NAMES:
        path = tmp_path / "figures" / name
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().tag.endswith("svg")
        else:
            with Image.open(path) as image:
                assert image.size == (1440, 960)


def test_the_same_run_gives_the_same_bytes(store: RunStore, tmp_path: Path) -> None:
    first, second = (write_figures([store], tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_command_writes_them_where_it_is_told(
    store: RunStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(store.path), "--figures", str(tmp_path / "figures")]) == 0
    assert {path.name for path in (tmp_path / "figures").iterdir()} == NAMES
    assert capsys.readouterr().out == f"{store.path / 'report.html'}\n"


def test_the_front_stands_beside_what_networks_are_without_early_exits(
    store: RunStore, tmp_path: Path
) -> None:
    (with_exit,), (plain,) = networks(1, 1), networks(1, 0)
    outcomes = [answered(with_exit, (0.7, 0.95), 1.0), answered(plain, (0.6,), 0.0, seed=1)]
    own = run_of(tmp_path / "own", outcomes)
    for name, stores in {"one": [own], "two": [own, store], "lacking": [store]}.items():
        write_figures(stores, tmp_path / name)
        words = drawn_words(tmp_path / name / "front-macs.svg")
        assert ("without early exits" in words) == (name == "one")


def test_several_runs_share_their_figures(store: RunStore, tmp_path: Path) -> None:
    config = search_file("objectives=[error, params]")
    other = store_of(tmp_path / "other", config, evaluations(config, 6, seed=9), [6])
    names = {path.stem for path in write_figures([store, other], tmp_path / "figures")}
    assert {"front-macs", "front-params", "hypervolume"} <= names


@pytest.mark.parametrize("done", [0, 3])
def test_an_unfinished_run_has_the_figures_it_can_have(tmp_path: Path, done: int) -> None:
    config = search_file("constraints.accuracy.min=0.9999")
    store = store_of(tmp_path / "run", config, evaluations(config, done), status=RunStatus.RUNNING)
    names = {path.stem for path in write_figures([store], tmp_path / "figures")}
    assert names == ({"front-macs", "curves-macs"} if done else set())


def test_a_folder_that_cannot_be_written_is_an_error_with_its_cure(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*--figures DIR"):
        write_figures([store], tmp_path / "file" / "figures")
