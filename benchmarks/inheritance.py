"""What one inherited candidate costs: extraction, recalibration, a pass over calibrate and select, the curve.

    python benchmarks/inheritance.py search_spaces/cifar10_dense.yaml [--set data.root=DIR] [--count 20]

The supernet is untrained: weights do not change the time.
"""

from __future__ import annotations

import argparse

import numpy as np

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.space.spaces import space_of
from aebnas.supernet.inheritance import new_supernet


def main() -> None:
    """Evaluate random candidates and print their core-seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides")
    parser.add_argument("--count", type=int, default=20)
    arguments = parser.parse_args()
    config = load(arguments.file, ["evaluation.fidelities=[inherited]", *arguments.overrides])
    splits = make_splits(load_dataset(config.data), config.data)
    space = space_of(config, splits.train.shape)
    weights = {
        name: w.numpy()
        for name, w in new_supernet(supernet_settings(config), splits.task).weights.tensors.items()
    }
    evaluator = Evaluator(candidate_settings(config), splits, shared={"inherited": weights})
    rng = np.random.default_rng(0)
    seconds = []
    for _ in range(arguments.count):
        evaluation = evaluator.evaluate(space.decode(space.sample(rng))).evaluation
        if not evaluation.is_done:
            raise SystemExit(evaluation.status_text)
        seconds.append(evaluation.cpu_seconds)
    images = f"{len(splits.calibrate)} calibrate and {len(splits.select)} select images"
    print(f"{images}: median {np.median(seconds):.2f}, largest {max(seconds):.2f} core-seconds")


if __name__ == "__main__":
    main()
