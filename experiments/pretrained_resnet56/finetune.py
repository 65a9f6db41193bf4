"""Train ResNet-56 and its searched exits jointly on the 50,000 training images.

    python experiments/pretrained_resnet56/finetune.py CIFAR WEIGHTS [--epochs 3]

The set is the one that is best on select within half the cost of the network, in the first resplit of
sets.py.  Its heads are trained on the network as it is, then everything further, as by the plan
[heads, finetuned].  Writes what all exits answer to the 10,000 test images to finetuned.npz below
runs/pretrained_resnet56/, and
finetuned.json beside this file.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd
from bank import HERE, RUNS, SHAPE, genome_of, search_file, splits_of
from sets import all_sets

import aebnas
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.spaces import space_of

FULL_MACS = 125.5e6
SETTINGS = (
    "training.augment={crop: 4, flip: true}",
    "training.loss=self_distillation",
    "training.weight_decay=1e-4",
)


def best_modules(half: float) -> tuple[int, ...]:
    """Return the modules of each place of the set that is best on select within a cost."""
    frame = pd.read_csv(RUNS / "sets_0.csv")
    within = frame[frame.select_macs <= half]
    return tuple(map(int, within.loc[within.select_accuracy.idxmax()].modules.split()))


def main() -> None:
    """Train, and write what comes out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cifar")
    parser.add_argument("weights")
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    plan = f"[{{heads: 2, views: 1}}, {{finetuned: {arguments.epochs}, keep: 1, learning_rate: 0.02}}]"
    config = search_file(arguments.cifar, arguments.weights, f"evaluation.fidelities={plan}", *SETTINGS)
    modules = best_modules(FULL_MACS / 2)
    key, reach = all_sets(arguments.cifar, arguments.weights)[modules]
    dataset, held_out = load_dataset(config.data), splits_of(config)
    splits = Splits(
        dataset.train, held_out.calibrate, held_out.select, dataset.classes, f"{dataset.fingerprint}:all"
    )
    with aebnas.allow_code():
        space = space_of(config, SHAPE)
        genome = genome_of(space, modules)
        outcome = Evaluator(candidate_settings(config), splits).evaluate(space.decode(genome), Step(1))
    if outcome.artefacts is None:
        raise SystemExit(outcome.evaluation.message)
    logits = np.concatenate([outcome.artefacts.calibrate_logits, outcome.artefacts.select_logits])
    np.savez(RUNS / "finetuned.npz", logits=logits, reach=reach)
    record = {
        "key": key, "modules": modules, "epochs": arguments.epochs, "reach_macs": reach.tolist(),
        "cpu_seconds": outcome.evaluation.cpu_seconds,
    }  # fmt: skip
    (HERE / "finetuned.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
