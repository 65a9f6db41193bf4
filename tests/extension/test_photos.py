"""From a folder of photos to a network that stops early on them, as its torch twin does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from photos import write_photos
from torch import nn

import aebnas
from aebnas.data.pictures.pixels import read_training_pixels
from aebnas.data.pictures.sixteen_bits import FULL, ValueRange
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
LITE0 = Path(__file__).parents[2] / "search_spaces/photos.yaml"
FEW = ("search.population=2", "search.generations=1", "workers.mode=serial", "report.enabled=false")


def small_network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        blocks = [
            nn.Sequential(nn.Conv2d(ins, outs, 3, 2, 1), nn.BatchNorm2d(outs), nn.ReLU())
            for ins, outs in ((3, 8), (8, 16), (16, 24))
        ]
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 1000))


def torch_answers(trained: Any, files: list[Path], image_size: int) -> list[np.ndarray]:
    """The logits of each exit, for photos brought to the images' size and normalised by hand."""
    checkpoint = trained.checkpoint
    pixels = [read_training_pixels(file, image_size, 3, FULL, ValueRange()) for file in files]
    images = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 255
    normalisation = checkpoint.input.normalisation
    mean, std = (torch.tensor(part).reshape(-1, 1, 1) for part in normalisation)
    with torch.no_grad():
        return [logits.numpy() for logits in trained.network.eval()((images - mean) / std)]


def check_session(trained: Any, photos: Path, image_size: int, folder: Path) -> None:
    """Hold an export against torch: the same class at the exit where it stops, and its confidence."""
    aebnas.export_network(trained, folder, samples=4)
    files = sorted(photos.rglob("*.jpg"))
    logits = torch_answers(trained, files, image_size)
    stacked = np.stack(logits, axis=1)
    exits = trained.checkpoint.exit_policy.decide(stacked)
    for i, answer in enumerate(aebnas.EarlyExitSession(folder).predict_batch(files)):
        own = stacked[i, exits[i]]
        assert answer.exit == exits[i]
        assert answer.class_index == own.argmax()
        assert answer.confidence == pytest.approx(
            np.exp(own - own.max()).max() / np.exp(own - own.max()).sum(), abs=1e-4
        )


def test_photos_of_several_sizes_become_a_network_that_answers_as_in_torch(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    run = aebnas.search_exits(
        small_network(),
        photos,
        tmp_path / "run",
        resolution=32,
        normalisation=(0.5, 0.25),
        overrides=[*FEW, "search.population=6", "training.epochs=4", "training.batch_size=16"],
    )
    exits = {
        each.architecture.key(): len(each.architecture.exits) for each in RunStore(run.path).evaluations()
    }
    key = max(exits, key=exits.__getitem__)
    trained = aebnas.train_winner(run.path, key, overrides=["training.epochs=6"])
    assert trained.network.exits > 1
    check_session(trained, photos, 32, tmp_path / "exported")


def test_the_shipped_file_is_checked_on_a_folder_of_photos(tmp_path: Path, run_command: Command) -> None:
    photos = write_photos(tmp_path / "photos")
    small = ("--set", "space.resolution=64", "--set", "data.image_size=64", "--samples", 5, "--json")
    answer = run_command("check", LITE0, "--set", f"data.folder={photos}", *small)
    assert answer.code == 0, answer.err
    described = json.loads(answer.out)
    places = [place["name"] for place in described["cut_places"] if place["may_have_exit"]]
    assert places == ["blocks.2", "blocks.4", "blocks.8", "blocks.10"]


@pytest.mark.slow
def test_lite0_learns_photos_and_answers_as_in_torch(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", each=16, sizes=(60, 90))
    settings = [
        "space.resolution=64",
        "data.image_size=64",
        "evaluation.fidelities=[trained]",
        "training.epochs=1",
    ]
    config = aebnas.load_search_file(LITE0, [f"data.folder={photos}", *settings, *FEW])
    run = aebnas.run_search(config, tmp_path / "run")
    trained = aebnas.train_winner(run.path, "best", overrides=["training.epochs=3", "training.batch_size=8"])
    check_session(trained, photos, 64, tmp_path / "exported")
    assert aebnas.evaluate_network(trained, images=0).network.policy.accuracy.value > 0.5
