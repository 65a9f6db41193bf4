"""Tables and front.png of results/: exits beside the curve of the same network without them.

    python experiments/trashnet/report.py

Between two resolutions the curve is a straight line; below its cheapest network it is that network, which
then costs more than what it is compared with.  Differences are paired: the same test images, drawn again
within each seed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

HERE = Path(__file__).resolve().parent
RESOLUTIONS = (64, 80, 96, 112, 128)
SHARES = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
DRAWS = 10_000


class Seed:
    """What one cut of test images says."""

    def __init__(self, seed: int) -> None:
        """Read the files of one seed."""
        self.seed = seed
        self.right = dict(np.load(HERE / "results" / f"seed_{seed}.npz"))
        self.record: dict[str, Any] = json.loads((HERE / "results" / f"seed_{seed}.json").read_text())
        self.names = [f"static_{size}" for size in RESOLUTIONS if f"static_{size}" in self.right]

    def macs(self, name: str) -> float:
        """Return the mean MACs of an image, in millions."""
        return float(self.right[f"{name}_macs"].mean()) / 1e6

    def accuracy(self, name: str) -> float:
        """Return the share of right answers, in percent."""
        return 100 * float(self.right[name].mean())

    def curve_at(self, macs: float) -> Any:
        """Return how right the curve is on each image at so many million MACs."""
        costs = [self.macs(name) for name in self.names]
        weights = [np.interp(macs, costs, np.eye(len(costs))[i]) for i in range(len(costs))]
        return sum(weight * self.right[name] for weight, name in zip(weights, self.names, strict=True))

    def best(self) -> str:
        """Return the most accurate network of the curve; of equal ones the cheapest."""
        return max(self.names, key=lambda name: (self.accuracy(name), -self.macs(name)))


def interval(differences: list[Any]) -> str:
    """Return the mean difference in points over pooled images, and its 95% interval."""
    generator = np.random.default_rng(0)
    drawn = np.zeros(DRAWS)
    for difference in differences:
        size = len(difference)
        drawn += difference[generator.integers(0, size, (DRAWS, size))].sum(axis=1)
    pooled = np.concatenate(differences)
    low, high = np.percentile(100 * drawn / len(pooled), [2.5, 97.5])
    return f"{100 * pooled.mean():+.1f} ({low:+.1f} to {high:+.1f})"


def networks(seeds: list[Seed]) -> list[str]:
    """Return the table of every network of every seed."""
    lines = ["| seed | network | test accuracy | average MACs | core-minutes |", "| --- " * 5 + "|"]
    for seed in seeds:
        seconds = seed.record["cpu_seconds"]
        ours = ("search", "train", "export")
        for name in ("winner", *seed.names, "staged", "random"):
            if name not in seed.right:
                continue
            parts = ours if name == "winner" else [part for part in seconds if part.startswith(name)]
            minutes = sum(seconds[part] for part in parts) / 60
            label = "with exits" if name == "winner" else name.replace("_", ", ")
            accuracy, macs = f"{seed.accuracy(name):.1f}%", f"{seed.macs(name):.1f} M"
            lines.append(f"| {seed.seed} | {label} | {accuracy} | {macs} | {minutes:.1f} |")
    return lines


def comparisons(seeds: list[Seed]) -> list[str]:
    """Return the table of paired differences."""
    lines = [
        "| test images | above the curve at equal MACs | against its best | share of its MACs |",
        "| --- " * 4 + "|",
    ]
    seeds = [seed for seed in seeds if seed.names]
    rows = [[seed] for seed in seeds] + ([seeds] if len(seeds) > 1 else [])
    for row in rows:
        equal = [seed.right["winner"] - seed.curve_at(seed.macs("winner")) for seed in row]
        best = [seed.right["winner"] * 1.0 - seed.right[seed.best()] for seed in row]
        spent = np.mean([seed.macs("winner") / seed.macs(seed.best()) for seed in row])
        title = f"seed {row[0].seed}" if len(row) == 1 else f"all {sum(map(len, best))}"
        lines.append(f"| {title} | {interval(equal)} | {interval(best)} | {100 * spent:.0f}% |")
    return lines


def latencies(seeds: list[Seed]) -> list[str]:
    """Return the table of measured milliseconds of an image."""
    lines = ["| seed | network | ms | with exits / this |", "| --- " * 4 + "|"]
    for seed in seeds:
        file = HERE / "results" / f"ms_{seed.seed}.json"
        means = json.loads(file.read_text()) if file.exists() else {}
        lines += [
            f"| {seed.seed} | {name.replace('_', ', ')} | {ms:.2f} | {100 * means['winner'] / ms:.0f}% |"
            for name, ms in means.items()
        ]
    return lines


def draw(seeds: list[Seed]) -> None:
    """Write front.png."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for number, seed in enumerate(seeds):
        style = ("-", "--", ":")[number % 3]
        shares = [f"at_{share:.2f}" for share in SHARES]
        for names, color, label in ((seed.names, "#8a8f98", "without"), (shares, "#2457c5", "with")):
            if not names:
                continue
            points = [(seed.macs(name), seed.accuracy(name)) for name in names]
            axes.plot(
                *zip(*points, strict=True),
                style,
                marker=".",
                color=color,
                label=f"{label} exits, seed {seed.seed}",
            )
        axes.plot(seed.macs("winner"), seed.accuracy("winner"), "o", color="#e8743b")
    axes.set_xlabel("average million MACs of an image; orange: as exported")
    axes.set_ylabel("test accuracy, %")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "front.png", dpi=150)


def main() -> None:
    """Write results.md and front.png."""
    files = sorted((HERE / "results").glob("seed_*.npz"))
    seeds = [Seed(int(file.stem.removeprefix("seed_"))) for file in files]
    lines = [*networks(seeds), "", *comparisons(seeds), "", *latencies(seeds)]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    draw(seeds)


if __name__ == "__main__":
    main()
