"""NSGA-II against random search on the table of all sets, on the same bank of heads.

    python experiments/pretrained_resnet56/searches.py CIFAR WEIGHTS [--seeds 20]

Reads the first resplit of sets.py, and writes searches.csv beside this file: the hypervolume of error and
MACs on select that a search has after so many sets, as a share of what all 1,789 sets have.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from bank import HERE, RUNS, SHAPE, search_file

import aebnas
from aebnas.runs.fronts.individuals import Individual
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.search.proposers.api import Proposer, RandomProposer
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.space.api import SearchSpace
from aebnas.space.genes import Genome
from aebnas.space.spaces import space_of

AFTER = (25, 50, 100, 200, 400)
FULL_MACS = 125.5e6
REFERENCE = np.array([1.0, 1.05])
"""Error, and MACs as a share of those of the network alone."""


def individuals_of(
    space: SearchSpace, genomes: list[Genome], table: dict[str, pd.DataFrame]
) -> list[Individual]:
    """Return what a search hears of some sets: every distinct point of each."""
    individuals = []
    for genome in genomes:
        key, own = space.decode(genome).key(), space.budget_fraction(genome)
        rows = sorted(table[key].itertuples(), key=lambda row: row.share != own)
        seen: set[int] = set()
        for row in rows:
            if row.point not in seen:
                seen.add(row.point)
                objectives = (1 - row.select_accuracy, row.select_macs / FULL_MACS)
                at_point = space.at_point(genome, row.share)
                individuals.append(Individual(at_point, key, row.share, objectives, ()))
    return individuals


def replay(
    proposer: Proposer, space: SearchSpace, table: dict[str, pd.DataFrame], best: float
) -> list[float]:
    """Return the share of the best hypervolume after each of ``AFTER`` sets."""
    points: list[tuple[float, ...]] = []
    shares: list[float] = []
    sets = 0
    while len(shares) < len(AFTER):
        genomes = proposer.ask()
        for genome in genomes:
            points += [individual.objectives for individual in individuals_of(space, [genome], table)]
            sets += 1
            if sets in AFTER:
                shares.append(hypervolume(np.asarray(points), REFERENCE) / best)
        proposer.tell(individuals_of(space, genomes, table))
    return shares


def main() -> None:
    """Write searches.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cifar")
    parser.add_argument("weights")
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    config = search_file(arguments.cifar, arguments.weights)
    frame = pd.read_csv(RUNS / "sets_0.csv", dtype={"key": str})
    frame = frame[frame.share > 0]
    table = dict(tuple(frame.groupby("key")))
    cloud = np.stack([1 - frame.select_accuracy, frame.select_macs / FULL_MACS], axis=1)
    best = hypervolume(cloud, REFERENCE)
    rows = []
    with aebnas.allow_code():
        space = space_of(config, SHAPE)
        for seed in range(arguments.seeds):
            search = config.search.model_copy(update={"seed": seed})
            proposers = {
                "NSGA-II": Nsga2Proposer(space, search, 2, 0),
                "random": RandomProposer(space, search.population, seed),
            }
            for name, proposer in proposers.items():
                shares = replay(proposer, space, table, best)
                rows += [
                    {"search": name, "seed": seed, "sets": sets, "share": share}
                    for sets, share in zip(AFTER, shares, strict=True)
                ]
    result = pd.DataFrame(rows)
    result.round(5).to_csv(HERE / "searches.csv", index=False)
    print(
        result.pivot_table(index="sets", columns="search", values="share", aggfunc=["mean", "std"]).round(4)
    )


if __name__ == "__main__":
    main()
