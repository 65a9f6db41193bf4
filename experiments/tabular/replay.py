"""Replay searches on table.csv: seconds instead of hours, 50 seeds.

    python experiments/tabular/replay.py [--seeds 50] [--budget 120]

NSGA-II against random search, and searched exit branches against one fixed branch
(conv 3x3, max-pool, linear), each at equal trainings.  Every method gets the free operating points.
Writes results.csv, results.md and hypervolume.png beside this file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from aebnas.config import SearchFile, load
from aebnas.runs.fronts.individuals import Individual
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.search.proposers.api import Proposer, RandomProposer
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.space.search_space import StagedSpace
from aebnas.space.spaces import space_of

HERE = Path(__file__).parent
SHAPE = (28, 28, 1)
FIXED = ("space.exits.branch={modules: 1, module: {type: conv, kernel: 3, width: 1.0, pool: max2}}",)
ARMS = {
    "NSGA-II": ("nsga2", ()),
    "random": ("random", ()),
    "NSGA-II, fixed branch": ("nsga2", FIXED),
    "NSGA-II, fixed branch, never absent": ("nsga2", (*FIXED, "space.exits.optional=false")),
}
Row = tuple[float, int, float, float]
"""budget_fraction, point, error, macs."""
Floats = NDArray[np.float64]


def read_table() -> dict[str, list[Row]]:
    """Return the operating points of every architecture."""
    table = pd.read_csv(HERE / "table.csv")
    rows: dict[str, list[Row]] = {}
    for key, budget_fraction, point, error, macs in table[
        ["key", "budget_fraction", "point", "error", "macs"]
    ].itertuples(index=False):
        rows.setdefault(str(key).zfill(16), []).append((budget_fraction, point, error, macs))
    return rows


def output(
    space: StagedSpace, genomes: list[tuple[int, ...]], table: Mapping[str, list[Row]]
) -> list[Individual]:
    """Return what a search would be told of a generation: one individual per distinct point."""
    individuals = []
    for genome in genomes:
        key = space.decode(genome).key()
        seen: set[int] = set()
        own = space.budget_fraction(genome)
        for budget_fraction, point, error, macs in sorted(table[key], key=lambda row: row[0] != own):
            if point not in seen:
                seen.add(point)
                individuals.append(
                    Individual(
                        space.at_point(genome, budget_fraction), key, budget_fraction, (error, macs), ()
                    )
                )
    return individuals


def replay(config: SearchFile, table: Mapping[str, list[Row]], budget: int, reference: Floats) -> Floats:
    """Return the hypervolume share after each training, shape ``(budget,)``."""
    space = space_of(config, SHAPE)
    proposer: Proposer = (
        RandomProposer(space, config.search.population, config.search.seed)
        if config.search.algorithm == "random"
        else Nsga2Proposer(space, config.search, 2, 0)
    )
    points: list[tuple[float, ...]] = []
    curve: list[float] = []
    while len(curve) < budget:
        genomes = proposer.ask()[: budget - len(curve)]
        if not genomes:  # every architecture is known
            curve += [curve[-1]] * (budget - len(curve))
            break
        for genome in genomes:
            points += [individual.objectives for individual in output(space, [genome], table)]
            curve.append(hypervolume(np.asarray(points), reference) / float(np.prod(reference)))
        proposer.tell(output(space, genomes, table))
    return np.asarray(curve)


def main() -> None:
    """Replay all arms and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--budget", type=int, default=120)
    arguments = parser.parse_args()
    table = read_table()
    cloud = np.asarray([(error, macs) for rows in table.values() for _, _, error, macs in rows])
    reference = np.asarray([1.0, cloud[:, 1].max() * 1.001])
    best = hypervolume(cloud, reference) / float(np.prod(reference))
    curves: dict[str, Floats] = {}
    for arm, (algorithm, overrides) in ARMS.items():
        runs = []
        for seed in range(arguments.seeds):
            settings = [*overrides, f"search.algorithm={algorithm}", f"search.seed={seed}"]
            runs.append(replay(load(HERE / "space.yaml", settings), table, arguments.budget, reference))
        curves[arm] = np.stack(runs)
    write(curves, best, len(table))


def write(curves: Mapping[str, Floats], best: float, size: int) -> None:
    """Write the regret (hypervolume of the whole table minus that found) as CSV, Markdown and PNG."""
    budgets = [n for n in (12, 24, 36, 48, 60, 90, 120) if n <= next(iter(curves.values())).shape[1]]
    lines = [
        f"Table of {size} architectures; hypervolume of the whole table {best:.5f}.",
        "",
        "Regret x 1000 (hypervolume still missing), mean +- standard deviation over seeds:",
        "",
        "| trainings | " + " | ".join(curves) + " | NSGA-II beats random (Mann-Whitney, two-sided) |",
        "| --- |" + " --- |" * (len(curves) + 1),
    ]
    for n in budgets:
        cells = [
            f"{1e3 * (best - c[:, n - 1]).mean():.3f} +- {1e3 * c[:, n - 1].std():.3f}"
            for c in curves.values()
        ]
        test = mannwhitneyu(curves["NSGA-II"][:, n - 1], curves["random"][:, n - 1])
        wins = (curves["NSGA-II"][:, n - 1] > curves["random"][:, n - 1]).mean()
        lines.append(f"| {n} | " + " | ".join(cells) + f" | {wins:.0%} of seeds, p = {test.pvalue:.2g} |")
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    frame = pd.concat(
        [
            pd.DataFrame(c, columns=range(1, c.shape[1] + 1)).assign(arm=arm, seed=range(len(c)))
            for arm, c in curves.items()
        ]
    )
    frame.round(6).to_csv(HERE / "results.csv", index=False)
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for arm, c in curves.items():
        regret = best - c
        x = np.arange(1, c.shape[1] + 1)
        axes.plot(x, regret.mean(0), label=arm)
        axes.fill_between(x, *np.quantile(regret, [0.25, 0.75], axis=0), alpha=0.2)
    axes.set(
        xlabel="trainings",
        ylabel="hypervolume still missing",
        yscale="log",
        title="mean and quartiles over seeds",
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(HERE / "hypervolume.png", dpi=110)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
