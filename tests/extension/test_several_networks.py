"""Several networks of one's own in one space, with ends and an order of classes, from file to folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aebnas
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def several_once(tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Path:
    """A folder with a finished search among two networks of one's own."""
    folder = tmp_path_factory.mktemp("several")
    shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
    answer = run_command("search", folder / "several.yaml", "--runs", folder / "runs")
    assert answer.code == 0, answer.err
    return folder


@pytest.fixture
def several(several_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It, the current folder."""
    monkeypatch.chdir(several_once)
    return several_once


def test_candidates_are_of_both_networks_and_the_page_names_them(several: Path) -> None:
    store = RunStore(several / "runs/several")
    evaluations = store.evaluations()
    assert [evaluation.is_done for evaluation in evaluations] == [True] * 9
    plain = [evaluation.architecture.to_dict() for evaluation in evaluations]
    assert {own["label"] for own in plain} == {"plain", "narrow"}
    assert {own["last"] for own in plain if own["label"] == "plain"} == {"", "blocks.2"}
    page = (several / "runs/several/report.html").read_text()
    assert "my_networks:narrow" in page
    assert "my_networks:plain" in page


def test_the_resolved_file_is_the_file_again(several: Path, run_command: Command) -> None:
    answer = run_command("check", "runs/several/config.yaml", "--allow-code", "--json")
    assert answer.code == 0, answer.err
    again, first = json.loads(answer.out), run_command("check", "several.yaml", "--allow-code", "--json")
    assert again["genes"] == json.loads(first.out)["genes"]


@pytest.mark.parametrize("label", ["plain", "narrow"])
def test_a_network_of_either_is_trained_and_exported(several: Path, run_command: Command, label: str) -> None:
    evaluations = RunStore(several / "runs/several").evaluations()
    keys = [own.architecture.key() for own in evaluations if own.architecture.to_dict()["label"] == label]
    answer = run_command("train", "runs/several", "--pick", keys[0], "--epochs", 1)
    assert answer.code == 0, answer.err
    checkpoint = next(
        path for path in (several / "runs/several/trained").iterdir() if keys[0][:8] in path.name
    )
    answer = run_command("export", checkpoint, several / label, "--allow-code")
    assert answer.code == 0, answer.err
    assert aebnas.EarlyExitSession(several / label).predict(np.zeros((8, 8, 1), np.uint8)).exit in range(2)


def test_check_prints_each_network_with_its_exits_and_ends(several: Path, run_command: Command) -> None:
    answer = run_command("check", "several.yaml", "--allow-code")
    assert answer.code == 0, answer.err
    assert "plain can be cut at" in answer.out
    assert "narrow can be cut at" in answer.out
    lines = [line.split() for line in answer.out.splitlines()]
    assert [line[:2] for line in lines if line and line[0] in ("blocks.1", "blocks.2")][:2] == [
        ["blocks.1", "exit"], ["blocks.2", "end"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("space.weights=own.pt", "space.weights: belongs to one network, but space.network has 2"),
        ("space.exits.after=[blocks.0]", "network: [{network: ..., after: ...}, ...]"),
        ("space.last=blocks.0", "network: [{network: ..., last: ...}, ...]"),
        ("space.last=[]", "must be auto, output, or places"),
        ("space.network=[]", "space.network"),
        ("space.network=[my_networks:plain, my_networks:plain]", "'my_networks:plain' stands twice"),
        ("space.network=[{network: my_networks:plain, weight: x}]", "Did you mean 'weights'?"),
        ("space.network=[{network: my_networks:plain, answer: true}]", "must name a part of"),
        ("space.network=[{network: my_networks:narrow, answer: score}]", "has no part 'score'"),
        ("space.network=[my_networks:narrow]", "say which part are the logits"),
        ("space.classes=[a, a]", "'a' is listed twice"),
        ("space.classes=[a, b]", "names 2 classes"),
        ("space.head=replace", "set head: keep"),
    ],
)
def test_a_wrong_section_is_told_with_its_cure(
    several: Path, run_command: Command, setting: str, message: str
) -> None:
    answer = run_command("check", "several.yaml", "--allow-code", "--set", setting)
    assert answer.code in (1, 2, 3)
    assert message in answer.err
    assert "defect" not in answer.err
