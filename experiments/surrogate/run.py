"""Replay searches with a surrogate on the table of experiments/tabular: seconds instead of hours.

    python experiments/surrogate/run.py [--seeds 50] [--budget 120] [--report]

Random search, NSGA-II, and NSGA-II with surrogates, at equal trainings; every method gets the free
operating points.  Appends one row per arm and seed to curves.csv, skips those that are there (so
that it can be stopped and continued), then writes results.md and hypervolume.png; --report only those.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, wilcoxon

from aebnas.config import load
from aebnas.evaluation.settings import goals_of
from aebnas.runs.fronts.individuals import Individual
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.search.proposers.api import Proposer, RandomProposer, remembered_keys
from aebnas.search.proposers.exact import ExactCosts
from aebnas.search.proposers.nsga2 import Nsga2Proposer
from aebnas.search.proposers.surrogate.proposer import SurrogateProposer
from aebnas.space.spaces import space_of
from aebnas.task.task import classification

HERE = Path(__file__).parent
TABULAR = HERE.parent / "tabular"
SHAPE = (28, 28, 1)
Row = tuple[float, int, float, float]
"""budget_fraction, point, error, macs."""
Floats = NDArray[np.float64]
ARMS = ("random", "none", "ridge", "auto")
NAMES = {"random": "random", "none": "NSGA-II", "auto": "NSGA-II + surrogate (auto)",
         "ridge": "NSGA-II + surrogate (ridge)"}  # fmt: skip
BUDGETS = (24, 36, 60, 90, 120)
CLASSES = 10
MIN_SEEDS = 8
"""Arms with fewer seeds so far are left out; the others are compared on the seeds that all of them have."""


def read_table() -> dict[str, list[Row]]:
    """Return the operating points of every architecture."""
    table = pd.read_csv(TABULAR / "table.csv", dtype={"key": str})
    rows: dict[str, list[Row]] = {}
    for key, *row in table[["key", "budget_fraction", "point", "error", "macs"]].itertuples(index=False):
        rows.setdefault(key.zfill(16), []).append(tuple(row))
    return rows


class Table:
    """The trained architectures, and what a search is told of them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = read_table()
        self.space = space_of(load(TABULAR / "space.yaml"), SHAPE)
        self.space.decode = cache(self.space.decode)  # type: ignore[method-assign]
        self.key_of = remembered_keys(self.space)
        self.exact = ExactCosts(classification(SHAPE[2], CLASSES))
        self.exact.of = cache(self.exact.of)  # type: ignore[method-assign]
        cloud = np.asarray([(error, macs) for rows in self.rows.values() for _, _, error, macs in rows])
        self.reference = (1.0, float(cloud[:, 1].max() * 1.001))
        self.best = self.volume(cloud)

    def volume(self, points: Floats) -> float:
        """Return the dominated share of the box."""
        return hypervolume(points, self.reference) / float(np.prod(self.reference))

    def output(self, genomes: list[tuple[int, ...]]) -> list[Individual]:
        """Return what a search is told: one individual per distinct operating point."""
        individuals = []
        for genome in genomes:
            key, own, seen = self.key_of(genome), self.space.budget_fraction(genome), set[int]()
            rows = self.rows[key]
            for budget_fraction, point, error, macs in sorted(rows, key=lambda row: row[0] != own):
                if point in seen:
                    continue
                seen.add(point)
                individuals.append(
                    Individual(
                        self.space.at_point(genome, budget_fraction), key, budget_fraction, (error, macs), (),
                        choices=tuple(row[0] for row in rows if row[1] == point),
                        metrics={"error": error, "macs": macs},
                    )
                )  # fmt: skip
        return individuals


def proposer(table: Table, arm: str, seed: int) -> Proposer:
    """Return the proposer of one arm."""
    surrogate = "none" if arm == "random" else arm
    settings = [f"search.seed={seed}", f"search.surrogate={surrogate}"]
    config = load(TABULAR / "space.yaml", settings)
    if arm == "random":
        return RandomProposer(table.space, config.search.population, seed)
    plain = Nsga2Proposer(table.space, config.search, 2, 0, key_of=table.key_of)
    if arm == "none":
        return plain
    return SurrogateProposer(
        goals_of(config), config.search, table.space, plain, table.exact, table.reference, table.key_of
    )


def replay(table: Table, arm: str, seed: int, budget: int) -> dict[str, float]:
    """Return the missing hypervolume after 1 to ``budget`` trainings, and how the surrogate did."""
    search, points, curve = proposer(table, arm, seed), list[tuple[float, ...]](), list[float]()
    is_on, taus, coverages = list[bool](), list[float](), list[float]()
    while len(curve) < budget:
        genomes = search.ask()[: budget - len(curve)]
        if not genomes:
            curve += [curve[-1]] * (budget - len(curve))
            break
        for genome in genomes:
            points += [individual.objectives for individual in table.output([genome])]
            curve.append(table.best - table.volume(np.asarray(points)))
        search.tell(table.output(genomes))
        status = search.status()
        if status is not None:
            is_on.append(status.is_on)
            taus += [] if status.tau is None else [status.tau]
            coverages += [] if status.coverage is None else [status.coverage]
    row: dict[str, float] = {str(i + 1): value for i, value in enumerate(curve)}
    if is_on:
        row |= {"on": float(np.mean(is_on)), "tau": float(np.mean(taus)), "coverage": coverages[-1]}
    return row


def main() -> None:
    """Replay what is missing, then write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--budget", type=int, default=120)
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    file, table = HERE / "curves.csv", Table()
    # the seeds that count first, so that a shorter session has whole arms
    seeds = range(arguments.seeds)
    order = sorted(
        ((arm, seed) for seed in seeds for arm in ARMS),
        key=lambda pair: (pair[1] % 2 == 0, ARMS.index(pair[0])),
    )
    columns = ["arm", "seed", *map(str, range(1, arguments.budget + 1)), "on", "tau", "coverage"]
    done = (
        set(pd.read_csv(file)[["arm", "seed"]].itertuples(index=False, name=None)) if file.exists() else set()
    )
    for arm, seed in [] if arguments.report else order:
        if (arm, seed) not in done:
            row = {"arm": arm, "seed": seed, **replay(table, arm, seed, arguments.budget)}
            frame = pd.DataFrame([row], columns=columns).round(6)
            frame.to_csv(file, mode="a", header=not file.exists(), index=False)
    curves = pd.read_csv(file).sort_values(["arm", "seed"])
    lines = [*report(curves[curves.seed % 2 == 1], "Odd seeds: the result")]
    if (curves.seed % 2 == 0).any():
        lines += ["", *report(curves[curves.seed % 2 == 0], "Even seeds: those the method was chosen on")]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    draw(curves[curves.seed % 2 == 1])
    print("\n".join(lines))


def report(curves: pd.DataFrame, title: str) -> list[str]:
    """Return the tables of a set of seeds; arms are paired by seed."""
    counts = curves.groupby("arm").seed.nunique()
    arms = [arm for arm in ARMS if counts.get(arm, 0) >= MIN_SEEDS]
    by_arm = {arm: curves[curves.arm == arm].set_index("seed") for arm in arms}
    shared = sorted(set.intersection(*(set(frame.index) for frame in by_arm.values())))
    lines = [f"## {title} ({len(shared)} seeds)", ""]
    lines += ["Hypervolume missing x 1000, mean +- standard deviation over seeds:", ""]
    lines += [
        "| trainings | " + " | ".join(NAMES[arm] for arm in arms) + " |",
        "| --- |" + " --- |" * len(arms),
    ]
    for n in BUDGETS:
        missing = {arm: 1e3 * by_arm[arm].loc[shared, str(n)].to_numpy() for arm in arms}
        cells = [f"{values.mean():.2f} +- {values.std(ddof=1):.2f}" for values in missing.values()]
        lines.append(f"| {n} | " + " | ".join(cells) + " |")
    lines += ["", "Paired by seed (two-sided; ties left out of the sign test):", ""]
    lines += ["| trainings | A against B | A better / equal / worse | sign test | Wilcoxon |",
              "| --- | --- | --- | --- | --- |"]  # fmt: skip
    pairs = [("ridge", "none"), ("ridge", "random"), ("auto", "none"), ("auto", "random"), ("none", "random")]
    for n in (24, 36, 60, 120):
        for a, b in (pair for pair in pairs if set(pair) <= set(arms)):
            difference = (by_arm[a].loc[shared, str(n)] - by_arm[b].loc[shared, str(n)]).to_numpy()
            lines.append(f"| {n} | {NAMES[a]} against {NAMES[b]} | {tests(difference)} |")
    for arm in (arm for arm in arms if arm not in ("random", "none")):
        own = by_arm[arm].loc[shared]
        on, tau, inside = own.on.mean(), own.tau.mean(), own.coverage.mean()
        lines += [
            "",
            f"{NAMES[arm]}: on in {on:.0%} of the generations after the first; tau of errors predicted "
            f"before training {tau:.2f}; {inside:.0%} of them within the 90% interval.",
        ]
    return lines


def tests(difference: Floats) -> str:
    """Return wins, sign test and Wilcoxon's test of paired differences (negative: A is better)."""
    better, worse = int((difference < 0).sum()), int((difference > 0).sum())
    sign = binomtest(better, better + worse).pvalue if better + worse else 1.0
    ranks = wilcoxon(difference).pvalue if np.any(difference) else 1.0
    return f"{better} / {len(difference) - better - worse} / {worse} | p = {sign:.2g} | p = {ranks:.2g}"


def draw(curves: pd.DataFrame) -> None:
    """Draw the missing hypervolume over trainings, mean and quartiles."""
    figure, axes = plt.subplots(figsize=(7, 4.2))
    steps = [name for name in curves.columns if name.isdigit()]
    counts = curves.groupby("arm").seed.nunique()
    arms = [arm for arm in ARMS if counts.get(arm, 0) >= MIN_SEEDS]
    shared = set.intersection(*(set(curves[curves.arm == arm].seed) for arm in arms))
    for arm in arms:
        values = curves[(curves.arm == arm) & curves.seed.isin(shared)][steps].to_numpy(float)
        x = np.arange(1, len(steps) + 1)
        axes.plot(x, values.mean(0), label=NAMES[arm])
        axes.fill_between(x, *np.quantile(values, [0.25, 0.75], axis=0), alpha=0.15)
    axes.set(xlabel="trainings", ylabel="hypervolume missing", yscale="log",
             title="odd seeds: mean and quartiles")  # fmt: skip
    axes.legend()
    figure.tight_layout()
    figure.savefig(HERE / "hypervolume.png", dpi=110)


if __name__ == "__main__":
    main()
