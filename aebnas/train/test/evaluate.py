"""``aebnas evaluate``: the only reader of the test split.

report = evaluate(Path("runs/mine/trained/KEY"))
print(report.network.policy.accuracy.value, report.network.policy.macs.value)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from aebnas.data.checks.duplicates import find_duplicates
from aebnas.data.checks.moved import moved, other_data, read_again
from aebnas.data.dataset import Samples
from aebnas.data.loader import eval_batches
from aebnas.data.splits import make_splits
from aebnas.errors import DataError
from aebnas.exits.core.samples import ExitSamples
from aebnas.files.atomic import write_atomically
from aebnas.hardware.cost.cost import network_cost
from aebnas.hardware.profile.device_costs import DeviceCosts, ReachCosts
from aebnas.report.page.markup import finite
from aebnas.runs.formatting import exit_names
from aebnas.runtime.process import prepare_process
from aebnas.runtime.runner import Images
from aebnas.train.full.checkpoint import EVALUATION_FILE, Checkpoint, read_checkpoint
from aebnas.train.full.files import writing
from aebnas.train.select.baselines import (
    Missing,
    ScoredNetwork,
    best_static,
    same_without_exits,
    scored_network,
)
from aebnas.train.test.results import BaselineComparison, TestReport
from aebnas.train.test.score_record import report_dict
from aebnas.train.test.scores import NetworkScore, difference, score
from aebnas.train.test.stopping import Stopped, StoppingNetwork, take_turns
from aebnas.training.image_logits import EVALUATION_BATCH, image_logits

STOPPED_IMAGES = 1000
"""Test images on which networks really stop, by default."""


def evaluate(
    folder: Path,
    static: Path | None = None,
    hardware: Sequence[Path | str] = (),
    images: int = STOPPED_IMAGES,
    progress: bool = False,
    data: Path | None = None,
) -> TestReport:
    """Score a checkpoint on the test images, and write ``evaluation.json`` beside it.

    Args:
        folder: Of the checkpoint.
        static: Folder of the static network to compare with; default: ``static`` in the checkpoint's.
        hardware: Profiles to predict costs with, beside what the checkpoint knows.
        images: Test images on which the networks really stop, one by one; 0: none.
        progress: Show the progress of downloads.
        data: Where the images are now, if they have moved.

    Raises:
        RunError: A checkpoint is missing or damaged, or of other data.
        DataError: The data are not those that the network was trained on.
        HardwareError: A profile lacks a layer.
    """
    checkpoint = read_checkpoint(folder)
    prepare_process(torch.device("cpu"))
    dataset = read_again(moved(checkpoint.data, data), progress)
    splits = make_splits(dataset, checkpoint.data)
    if splits.fingerprint != checkpoint.data_fingerprint:
        what = f"{folder} was trained on other data"
        cure = "Its training may have seen these test images: restore the data, train anew"
        raise DataError(other_data(what, checkpoint.data_fingerprint, splits.fingerprint, cure))
    leaked = find_duplicates(dataset, checkpoint.data).test_warning
    network = scored_network(folder, "network")
    devices = DeviceCosts.read(hardware)
    baselines = [same_without_exits(folder, static, checkpoint), best_static(folder, checkpoint, splits)]
    others = [baseline for baseline in baselines if isinstance(baseline, ScoredNetwork)]
    everyone = [network, *others]
    scores = [_score(each, dataset.test, devices, checkpoint) for each in everyone]
    stopped = _stopped(everyone, dataset.test, images)
    report = TestReport(
        folder,
        checkpoint,
        scores[0],
        stopped[0],
        tuple(
            BaselineComparison(each.name, each.key, each.note, its, difference(scores[0], its), really)
            for each, its, really in zip(others, scores[1:], stopped[1:], strict=True)
        ),
        tuple(baseline for baseline in baselines if isinstance(baseline, Missing)),
        () if leaked is None else (leaked,),
    )
    with writing(folder):
        text = json.dumps(finite(report_dict(report)), indent=2, allow_nan=False)
        write_atomically(folder / EVALUATION_FILE, text.encode())
    return report


def _score(
    network: ScoredNetwork, test: Samples, devices: DeviceCosts, checkpoint: Checkpoint
) -> NetworkScore:
    architecture = network.network.architecture
    reach = network_cost(architecture, checkpoint.task).reach_macs
    costs: ReachCosts = devices.reach_costs(architecture, checkpoint.task)
    if network.key == checkpoint.key:
        costs = {name: tuple(reach_cost) for name, reach_cost in checkpoint.reach_costs.items()} | costs
    logits = image_logits(network.network, test, torch.contiguous_format)
    samples = ExitSamples.of(logits, test.labels, reach)
    return score(samples, network.policy, exit_names(architecture), costs)


def _stopped(everyone: Sequence[ScoredNetwork], test: Samples, images: int) -> Sequence[Stopped | None]:
    count = min(images, len(test))
    if not count:
        return [None] * len(everyone)
    # spread over the whole split: some test sets are sorted by class
    some = test.take(np.linspace(0, len(test) - 1, count).round().astype(np.int64))
    networks = [StoppingNetwork(network.network, network.policy) for network in everyone]
    return take_turns(networks, [_one_by_one(network, some) for network in everyone])


def _one_by_one(network: ScoredNetwork, images: Samples) -> Iterator[Images]:
    batches = eval_batches(
        images,
        network.network.input,
        device="cpu",
        batch_size=EVALUATION_BATCH,
        memory_format=torch.contiguous_format,
    )
    for x, _ in batches:
        for i in range(len(x)):
            yield x[i : i + 1].numpy()
