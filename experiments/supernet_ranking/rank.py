"""Does inherited accuracy rank networks as training from scratch does?

    python experiments/supernet_ranking/scratch.py     # 60 networks x 2 seeds
    python experiments/supernet_ranking/rank.py        # trains or reuses the supernet, writes results.*

Kendall's tau-b between inherited accuracy and that of one scratch training, of the other, and of
their mean, beside the ceiling: tau between the two.  All on select, per exit position, averaged over
a network's exits, and for the area under the operating curve; 95% intervals from 2,000 bootstrap
samples of the architectures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scratch import FOLDER, SPACE, drawn

from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.scores import exit_scores, predictions
from aebnas.hardware.cost import network_cost
from aebnas.search.session import space_of
from aebnas.space.architecture import Architecture
from aebnas.supernet.preparation import ready_supernet

HERE = Path(__file__).parent
RUN = Path("runs/supernet_ranking/supernet")
BOOTSTRAPS = 2000
PAIRS = {
    "inherited, scratch seed 0": ("inherited", "scratch0"),
    "inherited, scratch seed 1": ("inherited", "scratch1"),
    "inherited, mean of the seeds": ("inherited", "scratch"),
    "ceiling: seed 0, seed 1": ("scratch0", "scratch1"),
}
Logits = tuple[NDArray[np.float32], NDArray[np.float32]]


def scores(architecture: Architecture, logits: Logits, splits: Splits) -> dict[str, float]:
    """Return the accuracy on select of every exit by position, their mean, and the area under the curve."""
    right = predictions(logits[1]) == splits.select.labels[:, None]
    names = [exit_.after for exit_ in architecture.exits] + ["final"]
    found = dict(zip(names, right.mean(axis=0).tolist(), strict=True))
    return {**found, "mean": float(right.mean()), "area": area(architecture, logits, splits)}


def area(architecture: Architecture, logits: Logits, splits: Splits) -> float:
    """Return the mean accuracy on select over budgets from the cheapest exit's cost to the full cost."""
    reach = network_cost(architecture, splits.train.shape[2], len(splits.classes)).reach_macs
    marks = [
        (exit_scores("confidence", one), predictions(one) == part.labels[:, None])
        for one, part in zip(logits, (splits.calibrate, splits.select), strict=True)
    ]
    curve = operating_curve(*marks[0], *marks[1], reach, "exact")
    budgets = np.linspace(float(reach[0]), float(reach[-1]), 200)
    return float(np.mean([curve.select_accuracy[curve.index_within(budget)] for budget in budgets]))


def table(config: SearchFile, splits: Splits, count: int) -> pd.DataFrame:
    """Return one row per architecture and quantity."""
    ready = ready_supernet(config, splits, RUN, lambda told: told.accuracies and print(told, flush=True))
    weights = {name: weight.numpy() for name, weight in ready.supernet.weights.items()}
    evaluator = Evaluator(config, splits, supernet=weights)
    rows = []
    for architecture in drawn(space_of(config, splits.train.shape), count):
        outcome = evaluator.evaluate(architecture)
        if outcome.artefacts is None:
            raise SystemExit(outcome.evaluation.status)
        logits = {"inherited": (outcome.artefacts.calibrate_logits, outcome.artefacts.select_logits)}
        for seed in (0, 1):
            with np.load(FOLDER / f"{architecture.key()}-{seed}.npz") as stored:
                logits[f"scratch{seed}"] = (stored["calibrate"], stored["select"])
        found = {who: scores(architecture, one, splits) for who, one in logits.items()}
        for what in found["inherited"]:
            values = {who: round(found[who][what], 5) for who in found}
            seconds = round(outcome.evaluation.cpu_seconds, 3)
            rows.append({"key": architecture.key(), "what": what, **values, "cpu_seconds": seconds})
    frame = pd.DataFrame(rows)
    frame["scratch"] = (frame.scratch0 + frame.scratch1) / 2
    return frame


def tau(one: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    """Return Kendall's tau-b with its bootstrap interval."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(one), size=len(one)) for _ in range(BOOTSTRAPS)]
    taus = [kendalltau(one[draw], other[draw]).statistic for draw in draws]
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return f"{kendalltau(one, other).statistic:.2f} ({low:.2f} to {high:.2f})"


def report(frame: pd.DataFrame) -> str:
    """Return the tables of results.md."""
    kinds = ["stage1", "stage2", "final", "mean", "area"]
    groups = {what: frame[frame.what == what] for what in kinds}
    lines = ["| Kendall's tau | " + " | ".join(kinds) + " |", "| --- " * (len(kinds) + 1) + "|"]
    for name, (a, b) in PAIRS.items():
        cells = [tau(group[a].to_numpy(), group[b].to_numpy()) for group in groups.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| architectures | " + " | ".join(str(len(group)) for group in groups.values()) + " |")
    mean: Callable[[str, str], str] = lambda what, who: f"{100 * groups[what][who].mean():.1f}"  # noqa: E731
    lines += ["", "| mean on select, % | " + " | ".join(kinds) + " |", "| --- " * (len(kinds) + 1) + "|"]
    for who in ("inherited", "scratch0", "scratch1"):
        lines.append(f"| {who} | " + " | ".join(mean(what, who) for what in kinds) + " |")
    seconds = frame.drop_duplicates("key").cpu_seconds
    lines += ["", f"One inherited candidate: median {seconds.median():.2f} core-seconds."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Evaluate every architecture by inheritance and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides")
    arguments = parser.parse_args()
    config = load(SPACE, ["evaluation.mode=supernet", *arguments.overrides])
    splits = make_splits(load_dataset(config.data), config.data)
    frame = table(config, splits, arguments.count)
    frame.to_csv(HERE / "results.csv", index=False)
    text = report(frame)
    (HERE / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
