"""How should a supernet be trained? Settings side by side, each for the same few epochs.

    python experiments/supernet_ranking/settings.py CIFAR_ROOT [--epochs 5] [--arms ...] [--report]

cifar10_dense.  Shows the mean accuracy of random inherited subnets to each exit on calibrate and select, and
Kendall's tau with the eight short trainings from scratch of cifar10.md.
Continues where it was stopped; several processes may take arms; writes settings.csv and settings.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from cifar10 import COUNT, EXITS, SPACE
from scipy.stats import kendalltau
from scratch import drawn

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.space.spaces import space_of
from aebnas.supernet.preparation import ready_supernet

HERE = Path(__file__).parent
RUNS = Path("runs/supernet_settings")
SUBNETS = 24
"""Random architectures; the first eight are those of cifar10.md."""
FAIR = ["supernet.rule=fair", "supernet.networks=3", "supernet.branches=2"]
ARMS = {
    "fair, SGD 0.4": FAIR,
    "fair, SGD 0.2": [*FAIR, "supernet.learning_rate=0.2"],
    "fair, SGD 0.1": [*FAIR, "supernet.learning_rate=0.1"],
    "fair, AdamW 0.005": [*FAIR, "supernet.optimizer=adamw"],
    "fair, AdamW 0.0025": [*FAIR, "supernet.optimizer=adamw", "supernet.learning_rate=0.0025"],
    "sandwich, SGD 0.4": ["supernet.networks=3", "supernet.branches=2"],
    "sandwich, SGD 0.2": ["supernet.networks=3", "supernet.branches=2", "supernet.learning_rate=0.2"],
    "sandwich, AdamW 0.005": ["supernet.networks=3", "supernet.branches=2", "supernet.optimizer=adamw"],
    "default": [],
}
"""The peak of SGD is twice training's unless an arm says another."""


def run_arm(root: str, arm: str, epochs: int) -> pd.DataFrame:
    """Train one supernet, let architectures inherit, and return accuracy by network and exit."""
    settings = ["evaluation.fidelities=[inherited]", "supernet.reuse=never", f"supernet.epochs={epochs}"]
    config = load(SPACE, [f"data.root={root}", *settings, *ARMS[arm]])
    splits = make_splits(load_dataset(config.data), config.data)
    folder = RUNS / f"{arm}-{epochs}".replace(", ", "-").replace(" ", "-")
    note = folder / "core_seconds"
    began = time.process_time()
    ready = ready_supernet(supernet_settings(config), splits, folder, lambda progress: None)
    if not note.exists():
        assert ready.origin == "trained", "half a training cannot be timed: remove its folder"
        note.write_text(str(time.process_time() - began))
    evaluator = Evaluator(candidate_settings(config), splits, shared={"inherited": ready.supernet.arrays()})
    labels = np.concatenate([splits.calibrate.labels, splits.select.labels])
    rows = []
    for architecture in drawn(space_of(config, splits.train.shape), SUBNETS):
        artefacts = evaluator.evaluate(architecture).artefacts
        assert artefacts is not None
        logits = np.concatenate([artefacts.calibrate_logits, artefacts.select_logits])
        right = (logits.argmax(axis=2) == labels[:, None]).mean(axis=0)
        for exit_, accuracy in zip([*(at.after for at in architecture.exits), "last"], right, strict=True):
            rows.append((arm, epochs, float(note.read_text()), architecture.key(), exit_, accuracy))
    return pd.DataFrame(rows, columns=["arm", "epochs", "core_seconds", "key", "exit", "accuracy"])


def scratch() -> dict[tuple[str, str], float]:
    """Return what cifar10.md says of trainings from scratch, by key and exit."""
    accuracies: dict[tuple[str, str], float] = {}
    space = space_of(load(SPACE, ["data.root=none"]), (32, 32, 3))
    exits = {
        architecture.key(): [*(at.after for at in architecture.exits), "last"]
        for architecture in drawn(space, COUNT)
    }
    for line in (HERE / "cifar10.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5 and (key := cells[1].strip("`")) in exits:
            accuracies |= {
                (key, at): float(v) for at, v in zip(exits[key], cells[5].split(" / "), strict=True)
            }
    return accuracies


def report(rows: pd.DataFrame) -> None:
    """Write the table of means and of orders."""
    truth = scratch()
    names = [name or "last" for name in EXITS]
    lines = [
        f"| supernet | epochs | core-s | {' | '.join(names)} | tau {' / '.join(names)} |",
        "| --- | --- | --- |" + " --- |" * (len(names) + 1),
    ]
    for (arm, epochs), of in rows.groupby(["arm", "epochs"], sort=False):
        means = [f"{100 * of[of.exit == name].accuracy.mean():.2f}" for name in names]
        taus = []
        for name in names:
            both = [(row.accuracy, truth[row.key, name]) for row in of[of.exit == name].itertuples()
                    if (row.key, name) in truth]  # fmt: skip
            taus.append(f"{kendalltau(*zip(*both, strict=True)).statistic:.2f}")
        seconds = of.core_seconds.iloc[0]
        lines.append(f"| {arm} | {epochs} | {seconds:.0f} | {' | '.join(means)} | {' / '.join(taus)} |")
    text = "\n".join(lines) + "\n"
    (HERE / "settings.md").write_text(text)
    print(text)


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="folder of the CIFAR-10 binary files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--report", action="store_true", help="only write the table")
    arguments = parser.parse_args()
    for arm in [] if arguments.report else arguments.arms:
        file = RUNS / f"{arm}-{arguments.epochs}.csv"
        if not file.exists():
            run_arm(arguments.root, arm, arguments.epochs).to_csv(file, index=False, float_format="%.6g")
            print(file, flush=True)
    tables = [pd.read_csv(RUNS / f"{arm}-{arguments.epochs}.csv") for arm in ARMS
             if (RUNS / f"{arm}-{arguments.epochs}.csv").exists()]  # fmt: skip
    if tables:
        pd.concat(tables).to_csv(HERE / "settings.csv", index=False)
        report(pd.read_csv(HERE / "settings.csv"))


if __name__ == "__main__":
    main()
