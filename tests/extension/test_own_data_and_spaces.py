"""A metric, a data set and a kind of space from outside: searched, reported, trained, exported, run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import aebnas
from aebnas.errors import CodeRefusedError
from aebnas.runs.store.store import RunStore
from aebnas.task.metrics.table import metric_of

PACKAGE = Path(__file__).parent / "package"
Command = Callable[..., Any]
NAMES = {
    "my_data:stripes", "my_spaces:Chain", "my_metrics:WORST_RECALL", "my_metrics:DISK_BYTES",
    "my_metrics:SPREAD",
}  # fmt: skip


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Path:
    """The folder of a user, with a finished search of chains in ``runs/chains``; do not change it."""
    folder = tmp_path_factory.mktemp("chains")
    shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
    answer = run_command("search", folder / "chains.yaml", "--runs", folder / "runs")
    assert answer.code == 0, answer.err
    return folder


def test_candidates_of_an_own_space_are_trained_on_own_data(chains: Path) -> None:
    store = RunStore(chains / "runs/chains")
    evaluations = list(store.evaluations())
    assert [one.is_done for one in evaluations] == [True] * 4
    assert set(store.config.outside_names) == NAMES
    assert set(store.metadata("code")) == NAMES
    store.close()


def test_own_metrics_stand_in_table_csv_and_frame(chains: Path) -> None:
    table = pandas.read_csv(chains / "runs/chains/pareto.csv")
    frame = aebnas.load_run(chains / "runs/chains").to_frame()
    for name in ("my_metrics:WORST_RECALL", "my_metrics:DISK_BYTES", "my_metrics:SPREAD"):
        assert frame[name].notna().all()
        assert name in table
    assert (frame["my_metrics:DISK_BYTES"] == 4 * frame["params"]).all()


def test_reading_the_run_without_consent_shows_what_is_stored(chains: Path, run_command: Command) -> None:
    answer = run_command("report", chains / "runs/chains")
    assert answer.code == 0, answer.err
    allowed = run_command("report", chains / "runs/chains", "--allow-code")
    assert allowed.code == 0, allowed.err
    assert "worst recall" in (chains / "runs/chains/report.html").read_text()


def test_a_chosen_network_is_trained_scored_exported_and_run(
    chains: Path, run_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(chains / "runs", tmp_path / "runs")
    steps = (
        ("train", "runs/chains", "--pick", "best", "--epochs", "1", "-o", "chain"),
        ("evaluate", "chain", "--images", "5", "--allow-code"),
        ("export", "chain", "exported", "--allow-code"),
    )
    for words in steps:
        answer = run_command(*words)
        assert answer.code == 0, f"{words[0]}: {answer.err}"
    scores = json.loads((tmp_path / "chain/evaluation.json").read_text())
    assert 0 <= scores["network"]["policy"]["metrics"]["balanced_accuracy"] <= 1
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    answer = run_command("run", "exported", "picture.png")  # without the code: a device has none
    assert answer.code == 0, answer.err
    assert any(name in answer.out for name in ("columns", "rows", "noise"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("space.lenght=[2]", "unknown field 'lenght'. Did you mean 'length'? Fields: length, width, kernel."),
        ("space.kernel=three", "space.kernel"),
        ("space.kind=my_spaces:Chian", "has no 'Chian'. Did you mean 'my_spaces:Chain'?"),
        ("space.kind=stagd", "unknown value 'stagd'"),
        ("data.options.imags=3", "is no argument of my_data:stripes. Did you mean 'images'?"),
        ("objectives=[my_metrics:WORST, macs]", "has no 'WORST'. Did you mean 'my_metrics:WORST_RECALL'?"),
        ("objectives=[my_data:stripes, macs]", "is no metric: it must be an object of a class that inherits"),
        ("evaluation.fidelities=[inherited]", "networks of kind my_spaces:Chain cannot share weights"),
    ],
)
def test_a_mistake_is_told_with_its_cure(
    chains: Path, run_command: Command, tmp_path: Path, word: str, message: str
) -> None:
    answer = run_command("search", chains / "chains.yaml", "--runs", tmp_path / "runs", "--set", word)
    assert answer.code != 0
    assert message in answer.err


def test_without_consent_no_architecture_is_built(chains: Path) -> None:
    run = aebnas.load_run(chains / "runs/chains")
    architecture = run.front[0].evaluation.architecture
    assert architecture.exit_names == tuple(architecture.to_dict()["exits"])
    with pytest.raises(CodeRefusedError, match="my_spaces:Chain is code from outside"):
        architecture.segments(None)


def test_the_direction_of_an_unread_metric_is_not_guessed() -> None:
    with pytest.raises(CodeRefusedError, match="my_metrics:WORST_RECALL is code from outside"):
        metric_of("my_metrics:WORST_RECALL").minimised(0.5)
