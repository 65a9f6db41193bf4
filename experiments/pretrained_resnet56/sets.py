"""Score every set of exits of resnet56.yaml on resplits of the test images, from the bank's logits.

    python experiments/pretrained_resnet56/sets.py CIFAR WEIGHTS [--splits 10]

Of each resplit 2,500 test images calibrate, 2,500 select and 5,000 score.  Every one of the 1,789 sets is
scored as the search scores a candidate: policies fitted on calibrate, points at the shares of the file.
Writes sets_N.csv below runs/pretrained_resnet56/, a row per set and share.  Resplits that are there are kept.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
from bank import RUNS, SHAPE, genome_of, search_file, splits_of

import aebnas
from aebnas.exits.core.exit_logits import ExitLogits
from aebnas.exits.core.outcome import outcomes_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.configured import configured_family
from aebnas.exits.policies.family import PolicyFamily
from aebnas.hardware.cost.cost import network_cost
from aebnas.space.spaces import space_of

ABSENT, MOST = -1, 3
FULL_MACS = 125.485696e6
HALF = 0.0
"""In place of a share of a set's own full cost: the point within half the cost of ResNet-56 alone."""
PARTS = {"calibrate": slice(0, 2500), "select": slice(2500, 5000), "test": slice(5000, 10_000)}


def all_sets(cifar: str, weights: str) -> dict[tuple[int, ...], tuple[str, np.ndarray]]:
    """Return key and reach MACs of every set, by the modules of each place; -1: no exit there."""
    config = search_file(cifar, weights)
    with aebnas.allow_code():
        space, task = space_of(config, SHAPE), splits_of(config).task
        places = sum(gene.name.endswith(".modules") for gene in space.genes)
        sets = {}
        for choices in itertools.product((ABSENT, 0, 1, 2), repeat=places):
            if sum(choice != ABSENT for choice in choices) > MOST:
                continue
            architecture = space.decode(genome_of(space, choices))
            sets[choices] = architecture.key(), network_cost(architecture, task).reach_macs
    return sets


class StackedLogits(ExitLogits):
    """Logits of exits side by side, which share what was computed of each one alone."""

    def __init__(self, columns: list[ExitLogits]) -> None:
        """Take logits of one exit each."""
        super().__init__(np.concatenate([column.values for column in columns], axis=1))
        self._columns = columns

    def probabilities(self, exit_index: int) -> np.ndarray:
        """Return the class probabilities of one exit, ``(n, classes)``."""
        return self._columns[exit_index].probabilities(0)

    def score(self, name: str, exit_index: int) -> np.ndarray:
        """Return one exit's score, float32, ``(n,)``."""
        return self._columns[exit_index].score(name, 0)

    @property
    def predictions(self) -> np.ndarray:
        """The class that each exit answers, ``(n, exits)``."""
        return np.concatenate([column.predictions for column in self._columns], axis=1)


class Resplit:
    """One way to cut the test images in three."""

    def __init__(self, number: int, stored: dict[str, np.ndarray], names: list[str]) -> None:
        """Cut them; what is derived of one head's logits is computed once."""
        order = np.random.default_rng(1000 + number).permutation(len(stored["labels"]))
        self.labels = {part: stored["labels"][order[rows]] for part, rows in PARTS.items()}
        self.columns = {
            name: {part: ExitLogits(stored[name][order[rows]][:, None]) for part, rows in PARTS.items()}
            for name in names
        }

    def samples(self, part: str, exits: list[str], reach: np.ndarray) -> ExitSamples:
        """Return what some exits say of a part."""
        logits = StackedLogits([self.columns[name][part] for name in exits])
        return ExitSamples(logits, self.labels[part], reach)


def points(
    resplit: Resplit, exits: list[str], reach: np.ndarray, family: PolicyFamily, shares: tuple[float, ...]
) -> Iterator[dict[str, float]]:
    """Yield accuracy and cost of a set at each share of its full cost."""
    calibrate, select, test = (resplit.samples(part, exits, reach) for part in PARTS)
    curve = operating_curve(family.path(calibrate, calibrate.correct), calibrate, select)
    indices = [curve.index_within(share * reach[-1]) for share in shares]
    shares, indices = (HALF, *shares), [curve.index_within(FULL_MACS / 2), *indices]
    unseen = outcomes_of([curve.policies[i] for i in indices], test)
    for j, (share, i) in enumerate(zip(shares, indices, strict=True)):
        yield {
            "share": share, "point": i, "calibrate_accuracy": curve.calibrate_accuracy[i],
            "select_accuracy": curve.select_accuracy[i], "select_macs": curve.select_cost[i],
            "test_accuracy": unseen.accuracy[j], "test_macs": unseen.cost[j], "harm": unseen.harm[j],
        }  # fmt: skip


def main() -> None:
    """Write a table per resplit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cifar")
    parser.add_argument("weights")
    parser.add_argument("--splits", type=int, default=10)
    arguments = parser.parse_args()
    stored = dict(np.load(RUNS / "logits.npz"))
    config = search_file(arguments.cifar, arguments.weights)
    family, shares = configured_family(config.exits.only), config.budget_fractions
    sets = all_sets(arguments.cifar, arguments.weights)
    heads = list(dict.fromkeys(name.rpartition("=")[0] for name in stored if "=" in name))
    for number in range(arguments.splits):
        path = RUNS / f"sets_{number}.csv"
        if path.exists():
            continue
        resplit = Resplit(number, stored, [name for name in stored if name != "labels"])
        rows, started = [], time.process_time()
        for choices, (key, reach) in sets.items():
            exits = [f"{name}={m}" for name, m in zip(heads, choices, strict=True) if m != ABSENT]
            rows_of_set = points(resplit, [*exits, "last"], reach, family, shares)
            rows += [{"key": key, "modules": " ".join(map(str, choices)), **row} for row in rows_of_set]
        seconds = (time.process_time() - started) / len(sets)
        pd.DataFrame(rows).round(6).assign(seconds_per_set=round(seconds, 4)).to_csv(path, index=False)
        print(f"resplit {number}: {seconds:.3f} CPU seconds a set", flush=True)


if __name__ == "__main__":
    main()
