"""Train every head of resnet56.yaml once, and keep what heads and networks answer to all test images.

    python experiments/pretrained_resnet56/bank.py CIFAR WEIGHTS

CIFAR holds the official files, WEIGHTS cifar10_resnet20|32|56.safetensors.  The networks have seen all
training images, so nothing is calibrated or scored on those: heads learn from 20,000 of them, and answer the
10,000 test images.  Writes logits.npz below runs/pretrained_resnet56/ and heads.csv beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

import aebnas
from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits
from aebnas.evaluation.given_heads import GivenNetworks
from aebnas.evaluation.settings import candidate_settings
from aebnas.heads.features.parts import CALIBRATE, SELECT
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome
from aebnas.space.spaces import space_of

HERE = Path(__file__).resolve().parent
RUNS = HERE.parents[1] / "runs" / "pretrained_resnet56"
SHAPE = (32, 32, 3)
TRAIN = 20_000
NORMALISATION = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def search_file(cifar: str, weights: str, *overrides: str) -> SearchFile:
    """Return the file of the search, on this machine."""
    network = Path(weights) / "cifar10_resnet56.safetensors"
    places = (f"data.root={cifar}", f"space.weights={network.resolve()}")
    return load(HERE / "resnet56.yaml", [*places, *overrides])


def genome_of(space: SearchSpace, modules: tuple[int, ...]) -> Genome:
    """Return the genome of a set, by the modules of each place; -1: no exit there."""
    named = iter(modules)
    return tuple(
        gene.choices.index(next(named)) if gene.name.endswith(".modules") else 0 for gene in space.genes
    )


def splits_of(config: SearchFile) -> Splits:
    """Return 20,000 training images, and the test images, which no network has seen, in two halves."""
    dataset = load_dataset(config.data)
    test = dataset.test
    train = dataset.train.take(np.sort(np.random.default_rng(0).permutation(len(dataset.train))[:TRAIN]))
    halves = (test.take(np.arange(5000)), test.take(np.arange(5000, 10_000)))
    return Splits(train, *halves, dataset.classes, f"{dataset.fingerprint}:heads")


def network_answers(name: str, weights: str, splits: Splits) -> np.ndarray:
    """Return what a public network says of all test images, float32 ``(10000, 10)``."""
    sys.path.insert(0, str(HERE))
    import resnet

    network = getattr(resnet, name)()
    state = load_file(Path(weights) / f"cifar10_{name}.safetensors")
    network.load_state_dict(state, strict=False)
    mean, std = (torch.tensor(part).reshape(-1, 1, 1) for part in NORMALISATION)
    pixels = torch.from_numpy(np.concatenate([splits.calibrate.pixels, splits.select.pixels]))
    with torch.no_grad():
        batches = [
            network.eval()(((part.permute(0, 3, 1, 2) / 255) - mean) / std) for part in pixels.split(500)
        ]
    return torch.cat(batches).numpy()


def main(cifar: str, weights: str) -> None:
    """Write logits.npz and heads.csv."""
    torch.set_num_threads(1)
    RUNS.mkdir(parents=True, exist_ok=True)
    config = search_file(cifar, weights)
    with aebnas.allow_code():
        splits, space = splits_of(config), space_of(config, SHAPE)
        networks = GivenNetworks(candidate_settings(config), splits, torch.device("cpu"), lambda: space)
        (given,) = networks.all
        given.features.store.fill(given.features.plan)
        logits, rows = {"labels": np.concatenate([splits.calibrate.labels, splits.select.labels])}, []
        names = [gene.name for gene in space.genes if gene.name.endswith(".modules")]
        for name in names:
            for modules in (0, 1, 2):
                choices = dict.fromkeys(names, -1) | {name: modules}
                (head,) = given.heads(space.decode(genome_of(space, tuple(choices.values()))))
                logits[f"{name}={modules}"] = np.concatenate([head.calibrate, head.select])
                record = head.record
                accuracy = (record["calibrate_accuracy"] + record["select_accuracy"]) / 2
                row = {"place": name.split(".", 1)[1].removesuffix(".modules"), "convolutions": modules}
                rows.append({**row, "test_accuracy": accuracy, "cpu_seconds": record["cpu_seconds"]})
                print(rows[-1], flush=True)
        logits["last"] = np.concatenate([given.answers(CALIBRATE), given.answers(SELECT)])
    for name in ("resnet20", "resnet32", "resnet56"):
        logits[name] = network_answers(name, weights, splits)
    if not np.allclose(logits["last"], logits["resnet56"], atol=1e-3):
        raise SystemExit("the pieces of the network answer otherwise than the network")
    np.savez(RUNS / "logits.npz", **logits)
    pd.DataFrame(rows).round(4).to_csv(HERE / "heads.csv", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
