"""Does an inherited subnet rank networks as a long training does, and how does a short training?

    python experiments/supernet_ranking/scratch.py --seeds 1 --epochs 27
    python experiments/supernet_ranking/longer.py runs/supernet_mnist5k [--set FIELD=VALUE]

Nine epochs favour what learns fast.  Here the architectures of ``rank.py``, trained for three times as long
with one seed, are the reference; beside inherited subnets stand the two trainings of nine epochs.  Appends to
longer.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from rank import _exit_accuracy, _read, _tau
from scratch import SPACE, drawn, path_of

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.spaces import space_of
from aebnas.supernet.storage import load_supernet, supernet_file

COUNT, EPOCHS = 60, 27


def main() -> None:
    """Inherit, compare, and append a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--set", action="append", default=[], help="as of aebnas search")
    arguments = parser.parse_args()
    config = load(SPACE, ["evaluation.fidelities=[inherited]", *arguments.set])
    splits = make_splits(load_dataset(config.data), config.data)
    architectures = [
        architecture
        for architecture in drawn(space_of(config, splits.train.shape), COUNT)
        if path_of(architecture, 0, EPOCHS).exists()
    ]
    stored = load_supernet(supernet_file(arguments.run))
    weights = {name: tensor.numpy() for name, tensor in stored.weights.items()}
    evaluator = Evaluator(candidate_settings(config), splits, shared={"inherited": weights})
    began, subnets = time.process_time(), []
    for architecture in architectures:
        artefacts = evaluator.evaluate(architecture).artefacts
        if artefacts is None:
            raise SystemExit(f"{architecture.key()} failed")
        subnets.append((artefacts.calibrate_logits, artefacts.select_logits))
    seconds = (time.process_time() - began) / len(architectures)
    logits_of_ways = {
        "inherited": subnets,
        "9 epochs, seed 0": [_read(architecture, 0, None) for architecture in architectures],
        "9 epochs, seed 1": [_read(architecture, 1, None) for architecture in architectures],
        "27 epochs": [_read(architecture, 0, EPOCHS) for architecture in architectures],
    }
    settings = " ".join(arguments.set) or "as inherited"
    lines = [
        f"{len(architectures)} architectures, {arguments.run.name}, {settings}: {seconds:.2f} core-s each. "
        "Kendall's tau with 27 epochs of training:",
        "",
        "| exit | networks | accuracy (inherited / 9 / 9 / 27 epochs) | inherited | 9 epochs | seed 1 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    labels = splits.select.labels
    for after in ("stage1", "stage2", None):
        accuracies = {
            name: [
                _exit_accuracy(architecture, z, labels, after)
                for architecture, z in zip(architectures, all_, strict=True)
            ]
            for name, all_ in logits_of_ways.items()
        }
        kept = [i for i, value in enumerate(accuracies["27 epochs"]) if value is not None]
        columns = [np.array([values[i] for i in kept], float) for values in accuracies.values()]
        means = " / ".join(f"{column.mean():.1%}" for column in columns)
        taus = " | ".join(_tau(column, columns[-1]) for column in columns[:-1])
        lines.append(f"| {after or 'final classifier'} | {len(kept)} | {means} | {taus} |")
    text = "\n".join(lines) + "\n\n"
    with (Path(__file__).parent / "longer.md").open("a") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
