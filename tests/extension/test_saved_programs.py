"""A program of ``torch.export.save``, from file to folder: exits are trained, it stays as it is."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.export import Dim, export, save

import aebnas
from aebnas.extensions.consent import look_in
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
PACKAGE = Path(__file__).parent / "package"
SETTINGS = ("--set", "space.network=plain.pt2", "--set", "space.resolution=8", "--set", "space.head=keep",
            "--set", "evaluation.fidelities=[trained]")  # fmt: skip  # it knows nothing yet


@pytest.fixture(scope="module")
def saved_once(tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Path:
    """A folder with a saved program, and a finished search around it; the code it was made of is gone."""
    folder = tmp_path_factory.mktemp("saved")
    shutil.copy(PACKAGE / "given.yaml", folder)
    with aebnas.allow_code():
        look_in(PACKAGE)
        import my_networks

        plain = my_networks.plain().eval()
    images = torch.zeros(2, 1, 8, 8)
    save(export(plain, (images,), dynamic_shapes=({0: Dim.DYNAMIC},)), folder / "plain.pt2")
    save(export(plain, (images,)), folder / "pairs.pt2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        answer = run_command("search", "given.yaml", *SETTINGS)
    assert answer.code == 0, answer.err
    return folder


@pytest.fixture
def saved(saved_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It, the current folder."""
    monkeypatch.chdir(saved_once)
    return saved_once


def test_every_candidate_is_evaluated_and_the_page_names_the_program(saved: Path) -> None:
    evaluations = RunStore(saved / "runs/given").evaluations()
    assert [evaluation.is_done for evaluation in evaluations] == [True] * 4
    assert "plain.pt2" in (saved / "runs/given/report.html").read_text()


@pytest.fixture(scope="module")
def checkpoint(saved_once: Path, run_command: Command) -> Path:
    """A network of it with an early exit, trained."""
    evaluations = RunStore(saved_once / "runs/given").evaluations()
    key = next(own.architecture.key() for own in evaluations if own.architecture.exit_names)
    answer = run_command("train", saved_once / "runs/given", "--pick", key, "--epochs", 1)
    assert answer.code == 0, answer.err
    return saved_once / "runs/given/trained" / key


def test_a_trained_network_answers_last_as_the_program_bit_for_bit(saved: Path, checkpoint: Path) -> None:
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), aebnas.allow_code():
        *_, last = aebnas.load_network(checkpoint).network.eval()(images)
        own = torch.export.load("plain.pt2").module(check_guards=False)(images)
    assert torch.equal(last, own)


def test_a_trained_network_becomes_a_folder_that_runs(
    saved: Path, checkpoint: Path, run_command: Command
) -> None:
    answer = run_command("export", checkpoint, "exported", "--allow-code")
    assert answer.code == 0, answer.err
    answers = aebnas.EarlyExitSession("exported").predict_batch(np.zeros((3, 8, 8, 1), np.uint8))
    assert len(answers) == 3


def test_where_the_program_lies_does_not_matter(saved: Path, tmp_path: Path, run_command: Command) -> None:
    keys = {own.architecture.key() for own in RunStore(saved / "runs/given").evaluations()}
    moved = shutil.copy(saved / "plain.pt2", tmp_path)
    answer = run_command(
        "search", "given.yaml", *SETTINGS, "--set", f"space.network={moved}", "--name", "moved"
    )
    assert answer.code == 0, answer.err
    assert {own.architecture.key() for own in RunStore(saved / "runs/moved").evaluations()} == keys


def test_reading_a_program_needs_consent(saved: Path, run_command: Command) -> None:
    answer = run_command("check", "given.yaml", *SETTINGS)
    assert answer.code == 0
    assert "code from outside was not loaded: plain.pt2" in answer.out


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("space.network=pairs.pt2", "was exported for batches of 2; export it again for any"),
        (
            "space.resolution=[8, 12]",
            "was exported for images (1, 8, 8), not (1, 12, 12): name its resolution",
        ),
        ("space.weights=given.yaml", "has its weights inside: leave out"),
        ("space.network=nowhere.pt2", "nowhere.pt2: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_told(saved: Path, run_command: Command, setting: str, message: str) -> None:
    answer = run_command("check", "given.yaml", *SETTINGS, "--allow-code", "--set", setting)
    assert answer.code in (1, 2, 3)
    assert message in answer.err


def test_a_damaged_program_is_told(saved: Path, tmp_path: Path, run_command: Command) -> None:
    (tmp_path / "plain.pt2").write_bytes((saved / "plain.pt2").read_bytes()[:500])
    own = ("--set", f"space.network={tmp_path / 'plain.pt2'}")
    answer = run_command("check", "given.yaml", *SETTINGS, *own, "--allow-code")
    assert answer.code in (1, 2, 3)
    assert "is no program of torch.export.save, or a damaged one" in answer.err
