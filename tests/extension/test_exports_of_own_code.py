"""A policy from outside on its way to a device: trained, scored, exported with its code, run there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]
TRAIN = ("train", "runs/own", "--pick", "best", "--epochs", 1, "--device", "cpu", "-o", "trained")


@pytest.fixture
def trained(searched: Path, run_command: Command) -> Path:
    answer = run_command(*TRAIN, "--set", "exits={policy: my_policies:Steady}")
    assert answer.code == 0, answer.err
    return searched


@pytest.fixture
def exported(trained: Path, run_command: Command) -> Path:
    answer = run_command("export", "trained", "exported", "--allow-code", "--samples", 8)
    assert answer.code == 0, answer.err
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(trained / "black.png")
    return trained


def test_a_checkpoint_is_scored_and_exported_with_consent_alone(trained: Path, run_command: Command) -> None:
    for words in (("evaluate", "trained", "--images", 0), ("export", "trained", "exported")):
        answer = run_command(*words)
        assert answer.code == 2
        assert "--allow-code" in answer.err
        assert run_command(*words, "--allow-code").code == 0


def test_a_changed_file_is_not_what_the_checkpoint_was_trained_with(
    trained: Path, run_command: Command
) -> None:
    (trained / "my_parts.py").write_text((trained / "my_parts.py").read_text() + "# edited\n")
    answer = run_command("export", "trained", "exported", "--allow-code")
    assert answer.code == 2
    assert "has changed since trained was trained with it" in answer.err


def test_an_export_of_somebody_else_runs_no_code_unasked(exported: Path, run_command: Command) -> None:
    answer = run_command("run", "exported", "black.png")
    assert answer.code == 2
    assert "my_policies:SteadyPolicy in code.zip" in answer.err
    assert run_command("run", "exported", "black.png", "--allow-code").code == 0


def test_the_session_runs_it_without_torch_and_without_the_files_beside_it(exported: Path) -> None:
    for file in exported.glob("my_*.py"):
        file.unlink()
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from aebnas.deploy import EarlyExitSession\n"
        "session = EarlyExitSession('exported', allow_code=True)\n"
        "print(type(session.policy).__module__, session.predict('black.png').exit)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=exported, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "my_policies"


def test_code_that_was_exchanged_is_refused(exported: Path, run_command: Command) -> None:
    (exported / "exported/code.zip").write_bytes(b"PK")
    answer = run_command("run", "exported", "black.png", "--allow-code")
    assert answer.code == 4
    assert "code.zip" in answer.err


def test_a_policy_that_needs_torch_is_refused_with_a_way_out(searched: Path, run_command: Command) -> None:
    text = (searched / "my_policies.py").read_text()
    (searched / "my_torch_policies.py").write_text(text.replace("import numpy", "import torch\nimport numpy"))
    assert run_command(*TRAIN, "--set", "exits={policy: my_torch_policies:Steady}").code == 0
    answer = run_command("export", "trained", "exported", "--allow-code")
    assert answer.code == 2
    assert "cannot be exported" in answer.err
    assert "into a module of its own" in answer.err
    assert not (searched / "exported").exists()


def test_a_score_from_outside_travels_too(searched: Path, run_command: Command) -> None:
    assert run_command(*TRAIN, "--set", "exits={policy: my_scores:energy}").code == 0
    assert run_command("export", "trained", "exported", "--allow-code").code == 0
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(searched / "black.png")
    assert run_command("run", "exported", "black.png", "--allow-code").code == 0


@pytest.mark.slow
def test_ray_workers_run_it_too(own: Path, run_command: Command) -> None:
    words = ("--set", "workers.mode=ray", "--set", "workers.count=1")
    answer = run_command("search", "space.yaml", *words)
    assert answer.code == 0, answer.err
    assert "worker" in answer.out
