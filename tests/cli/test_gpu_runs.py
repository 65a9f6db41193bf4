"""The commands on a real GPU: workers that share it, final training, a supernet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aebnas.train.full.checkpoint import read_checkpoint

pytestmark = pytest.mark.gpu
Command = Callable[..., Any]
SHARED = ["--set", "workers.mode=ray", "--set", "workers.gpus_per_worker=0.5"]
LEARN = ["--set", "training.epochs=6", "--set", "space.exits.optional=false"]


def test_workers_that_share_a_gpu_find_networks_that_are_trained_on_it(
    tiny_file: Path, run_command: Command, tmp_path: Path
) -> None:
    found = run_command("search", tiny_file, "--runs", tmp_path, *SHARED, *LEARN)
    assert found.code == 0, found.err
    assert f"{2 * torch.cuda.device_count()} workers started" in found.out
    torch.cuda.reset_peak_memory_stats()
    trained = run_command("train", tmp_path / "tiny", "--pick", "best", "--epochs", "8", "--distill")
    assert trained.code == 0, trained.err
    assert torch.cuda.max_memory_allocated() > 1e6
    (folder,) = (one for one in (tmp_path / "tiny" / "trained").iterdir() if "teacher" not in one.name)
    evaluated = run_command("evaluate", folder, "--images", "8")
    assert evaluated.code == 0, evaluated.err
    assert read_checkpoint(folder).architecture.exits


def test_a_supernet_is_trained_and_searched_on_a_gpu(
    tiny_file: Path, run_command: Command, tmp_path: Path
) -> None:
    settings = ["--set", "evaluation.fidelities=[inherited]", "--set", "supernet.epochs=2"]
    found = run_command("search", tiny_file, "--runs", tmp_path, *SHARED, *settings)
    assert found.code == 0, found.err
    assert (tmp_path / "tiny" / "supernet" / "supernet.safetensors").exists()
