"""Train one fixed network and keep its logits of held-out training images; test images are not used.

    python experiments/operating_curve/train.py CIFAR_ROOT runs/operating_curve.npz [--file FILE] [--seed 1]

Without a file, the network of network.yaml on real CIFAR-10.  A seed draws other splits and other weights;
without one, as the file says.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.spaces import space_of


def main() -> None:
    """Train and write the logits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="folder of the CIFAR-10 binary files")
    parser.add_argument("target", help="NAME.npz")
    parser.add_argument("--file", default="experiments/operating_curve/network.yaml")
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    names = () if arguments.seed is None else ("data.split_seed", "search.seed")
    seeds = [f"{name}={arguments.seed}" for name in names]
    config = load(arguments.file, [f"data.root={arguments.root}", *seeds])
    splits = make_splits(load_dataset(config.data), config.data)
    space = space_of(config, splits.train.shape)
    architecture = space.decode((0,) * len(space.genes))
    outcome = Evaluator(candidate_settings(config), splits).evaluate(architecture)
    print(outcome.evaluation.status_text, outcome.evaluation.cpu_seconds, outcome.evaluation.reach_macs)
    if outcome.artefacts is None or outcome.evaluation.curve is None:
        sys.exit(1)
    print("accuracy per exit on select:", outcome.evaluation.curve.exit_accuracy)
    np.savez_compressed(
        arguments.target,
        calibrate_logits=outcome.artefacts.calibrate_logits,
        calibrate_labels=splits.calibrate.labels,
        select_logits=outcome.artefacts.select_logits,
        select_labels=splits.select.labels,
        reach_cost=np.asarray(outcome.evaluation.reach_macs),
    )


if __name__ == "__main__":
    main()
