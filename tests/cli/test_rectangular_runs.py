"""Images of another height than width, from their folder to an exported network that runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.deploy import EarlyExitSession
from aebnas.report import load_winner
from aebnas.train.full.checkpoint import load_trained
from aebnas.training.image_logits import image_logits

Command = Callable[..., Any]
HEIGHT, WIDTH = 24, 48
FILE = """\
name: wide
data: {folder: photos, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  resolution: [[12, 24], [8, 24], [24, 48]]
  stem: {kernel: 3, stride: 2, width: 8}
  stages:
    - {depth: 1, width: [8, 12], block: {type: [residual, conv]}}
    - {depth: 1, width: 16, stride: 2, block: {type: [residual, mbconv], expansion: 2}}
  exits: {after: [stage1], optional: false, branch: {modules: 1, module: {type: [conv, pool]}}}
training: {epochs: 2, batch_size: 16, augment: {crop: 2, flip: false}}
search: {population: 2, generations: 1}
workers: {mode: serial}
"""


def photos(folder: Path, count: int = 40) -> None:
    """Bright on the left or on the right: what a stretched or turned image would not show otherwise."""
    rng = np.random.default_rng(0)
    for name, bright in (("left", slice(0, WIDTH // 2)), ("right", slice(WIDTH // 2, WIDTH))):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            pixels[:, bright] += 120
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


@pytest.fixture(scope="module", params=["scratch", "supernet"])
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, run_command: Command
) -> Path:
    """A finished run on a folder of rectangles."""
    folder = tmp_path_factory.mktemp("wide")
    photos(folder / "photos")
    text = FILE.replace("folder: photos", f"folder: {folder / 'photos'}")
    if request.param == "supernet":
        text += "evaluation: {fidelities: [{kind: inherited, recalibration_images: 48}]}\n"
        text += "supernet: {epochs: 1, networks: 2, branches: 1}\n"
    (folder / "wide.yaml").write_text(text)
    answer = run_command("search", folder / "wide.yaml", "--runs", folder / "runs")
    assert answer.code == 0, answer.err
    return folder / "runs" / "wide"


def test_rectangles_are_searched_trained_exported_and_run_as_they_are(
    run: Path, run_command: Command, tmp_path: Path
) -> None:
    trained, exported = tmp_path / "trained", tmp_path / "exported"
    words = ("train", run, "--pick", "best", "--device", "cpu", "-o", trained)
    for command in (words, ("export", trained, exported)):
        answer = run_command(*command)
        assert answer.code == 0, answer.err
    session, network = EarlyExitSession(exported), load_trained(trained)
    size = network.checkpoint.input.size
    assert size in {(12, 24), (8, 24), (24, 48)}
    assert session.input_shape == (3, *size)
    splits = make_splits(load_dataset(network.checkpoint.data), network.checkpoint.data)
    images = splits.select.pixels[:8]
    theirs = image_logits(network.network, splits.select)
    never = session.predict_batch(images)
    assert {answer.label for answer in never} <= {"left", "right"}
    assert session.manifest.parity is not None
    assert session.manifest.parity.max_difference < 1e-3
    assert theirs.shape == (len(splits.select), session.exits, 2)
    answer = run_command("run", exported, run.parents[1] / "photos" / "left", "--json")
    assert answer.code == 0, answer.err
    labels = [json.loads(line)["label"] for line in answer.out.splitlines() if '"label"' in line]
    assert len(labels) == 40


def test_the_files_of_a_run_tell_both_sides(run: Path) -> None:
    winners = [load_winner(path) for path in (run / "winners").glob("*.yaml")]
    assert winners
    for winner in winners:
        height, width = winner.architecture.resolution
        assert height != width
        assert winner.architecture.key() == winner.key
    page = (run / "report.html").read_text()
    height, width = winners[0].architecture.resolution
    assert f"{height} × {width} px" in "; ".join(winners[0].architecture.drawing().lines())
    assert "resolution" in page
