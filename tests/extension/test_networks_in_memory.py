"""A network that lives in a program alone: searched, continued, trained, exported, and back as a module."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import aebnas
from aebnas.runs.frame import LoadedRun
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
QUICK = ("training.epochs=1", "search.population=3", "search.generations=1", "workers.mode=serial")


class Notebook(nn.Module):
    """A network whose class stands in no file that other processes could import."""

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.stem = nn.Sequential(
                nn.Conv2d(channels, 6, 3, 1, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
            )
            self.middle = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
            self.end = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
            self.head = nn.Linear(12, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.end(self.middle(self.stem(images))).mean((2, 3)))


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return (pixels.reshape(-1, 8, 8, 1) * 15).astype(np.uint8), labels


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """A search around a module in training mode, on arrays."""
    folder = tmp_path_factory.mktemp("memory") / "run"
    return aebnas.search_exits(Notebook().train(), digits(), folder, overrides=QUICK)


@pytest.fixture(scope="module")
def trained(searched: LoadedRun) -> Any:
    return aebnas.train_winner(searched.path, "best", overrides=["training.epochs=1"])


def test_every_candidate_is_trained(searched: LoadedRun) -> None:
    store = RunStore(searched.path)
    assert [evaluation.is_done for evaluation in store.evaluations()] == [True] * 3
    assert store.metadata("image_shape") == [8, 8, 1]


def test_the_run_is_continued(searched: LoadedRun) -> None:
    longer = aebnas.resume_run(searched.path, ["search.generations=2"])
    assert len(longer.contents.generations) == 2


def test_what_comes_back_is_a_module_to_go_on_with(trained: Any, tmp_path: Path) -> None:
    network = trained.network.train()
    images, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(5):
        loss = sum(nn.functional.cross_entropy(logits, labels) for logits in network(images))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    torch.save(network.state_dict(), tmp_path / "own.pt")
    again = aebnas.load_network(trained.folder).network
    again.load_state_dict(torch.load(tmp_path / "own.pt", weights_only=True))
    with torch.no_grad():
        expected, answers = network.eval()(images), again.eval()(images)
        program = torch.export.export(again, (images,)).module()(images)
    assert all(torch.equal(one, other) for one, other in zip(expected, answers, strict=True))
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(expected, program, strict=True))


def test_the_export_answers_as_the_network(trained: Any, tmp_path: Path) -> None:
    aebnas.export_network(trained, tmp_path / "exported", samples=4)
    session = aebnas.EarlyExitSession(tmp_path / "exported")
    network = aebnas.load_network(trained.folder).network
    images, _ = digits()
    mean, std = trained.checkpoint.mean[0], trained.checkpoint.std[0]
    x = torch.from_numpy(images[:40]).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        logits = [exit_logits.numpy() for exit_logits in network((x - mean) / std)]
    for i, answer in enumerate(session.predict_batch(list(images[:40]))):
        assert answer.class_index == logits[answer.exit][i].argmax()


@pytest.mark.slow
def test_another_process_goes_on_with_consent(trained: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aebnas", "export", str(trained.folder), str(tmp_path / "out")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--allow-code" in refused.stderr
    subprocess.run([*command, "--allow-code"], check=True, capture_output=True)
    assert (tmp_path / "out/model.json").is_file()


@pytest.mark.slow
def test_two_workers_find_the_front_of_one(tmp_path: Path) -> None:
    parallel = [*QUICK[:-1], "workers.mode=ray", "workers.count=2"]
    fronts = [
        aebnas.search_exits(Notebook(), digits(), tmp_path / name, overrides=settings).front
        for name, settings in (("serial", QUICK), ("parallel", parallel))
    ]
    assert [(point.key, point.metrics) for point in fronts[0]] == [
        (point.key, point.metrics) for point in fronts[1]
    ]


def pictures(folder: Path) -> Path:
    """Six pictures of each of three classes, of several sizes."""
    rng = np.random.default_rng(0)
    for label in range(3):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(14):
            size = (int(rng.integers(14, 24)), int(rng.integers(14, 24)), 3)
            pixels = rng.integers(0, 90, size) + 60 * label
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"class{label}" / f"{i}.jpg")
    return folder


def test_pictures_of_several_sizes_are_brought_to_the_largest_resolution(tmp_path: Path) -> None:
    run = aebnas.search_exits(
        Notebook(3, 3), pictures(tmp_path / "photos"), tmp_path / "run", resolution=[8, (12, 16)],
        normalisation=((0.5, 0.4, 0.3), 0.25), keep_head=True,
        overrides=[*QUICK, "training.batch_size=8", "evaluation.fidelities=[trained]"],
    )  # fmt: skip
    store = RunStore(run.path)
    assert store.config.data.image_size == (12, 16)
    assert {evaluation.architecture.head for evaluation in store.evaluations()} == {"keep"}


@pytest.mark.parametrize(
    ("data", "options", "error", "words"),
    [
        ("photos", {}, aebnas.DataError, "Give all images one size with data.image_size"),
        ("nowhere", {"resolution": 8}, aebnas.DataError, "nowhere"),
        ([1, 2], {}, aebnas.ConfigError, "data must be a folder of class folders, a pair"),
        ((np.zeros((9, 8, 8, 1)), np.zeros(9, int)), {}, aebnas.DataError, "uint8 of shape .n, height"),
        ((np.zeros((9, 8, 8, 1), np.uint8), np.zeros(8, int)), {}, aebnas.DataError, r"shape \(9,\)"),
        (digits(), {"resolution": "big"}, aebnas.ConfigError, "resolution must be pixels"),
        (digits(), {"normalisation": 0.5}, aebnas.ConfigError, "normalisation must be a pair"),
        (digits(), {"overrides": ["space.exits.mosst=2"]}, aebnas.ConfigError, "Did you mean 'most'"),
        ("photos", {"resolution": 8, "keep_head": True}, aebnas.ConfigError, "set space.head=replace"),
    ],
)
def test_a_wrong_argument_is_told_and_leaves_nothing(
    data: Any, options: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    if isinstance(data, str):
        pictures(tmp_path / "photos")
        data = tmp_path / data
    channels = 3 if isinstance(data, Path) else 1
    overrides = [*QUICK, *options.pop("overrides", [])]
    with pytest.raises(error, match=words):
        aebnas.search_exits(Notebook(channels), data, tmp_path / "run", overrides=overrides, **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Notebook(3), "takes images of 3 channels, but these have 1"),
        ("my_networks:plain", "make the network and hand it over as it is"),
        ("efficientnet_lite", "Did you mean 'efficientnet_lite0'"),
        ("net.onnx", "is an ONNX graph"),
    ],
)
def test_a_network_that_does_not_fit_is_told_and_leaves_nothing(
    network: nn.Module | str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(aebnas.AebnasError, match=words):
        aebnas.search_exits(network, digits(), tmp_path / "run", overrides=QUICK)
    assert not (tmp_path / "run").exists()


def test_a_second_search_in_the_folder_uses_its_own_network(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    few = [*QUICK, "search.population=2"]
    first = aebnas.search_exits(Notebook(), digits(), folder, overrides=few)
    shutil.rmtree(folder)
    other = Notebook()
    with torch.no_grad():
        other.stem[0].weight.mul_(-1)
    second = aebnas.search_exits(other, digits(), folder, overrides=few)
    keys = [{point.key for point in run.front} for run in (first, second)]
    assert not keys[0] & keys[1]
