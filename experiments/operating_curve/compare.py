"""Our threshold tuner against Optuna and a single shared threshold, on logits of a trained network.

    python experiments/operating_curve/compare.py runs/operating_curve.npz [--resplits 20]

First the split that the network's run made, with a paired bootstrap over select samples; then
random halves of the same 20,000 held-out images, which also show the noise of the calibrate half.
Writes results.md and difference.png beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from operating_curve import Row, _split, compare, compare_splits  # noqa: E402

BASELINES = ("optuna", "shared")


def table(rows: list[Row]) -> list[str]:
    """Return the rows of one split as Markdown."""
    lines = [
        "| baseline | budget (M MACs) | ours % | theirs % | 95% of the difference | |",
        "|" + " --- |" * 6,
    ]
    for row in rows:
        target_check = (
            "better" if row.is_better_beyond_noise else "**worse**" if row.is_worse_beyond_noise else ""
        )
        lines.append(
            f"| {row.baseline} | {row.budget / 1e6:.2f} | {row.ours:.2f} | {row.theirs:.2f} "
            f"| {row.low:+.2f} .. {row.high:+.2f} | {target_check} |"
        )
    return lines


def resplit_table(splits: list[list[Row]]) -> list[str]:
    """Return mean and spread over random halves as Markdown, and draw them."""
    names = ("baseline", "budget (M MACs)", "mean difference", "sd", "standard error", "worse / better")
    lines = [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]
    figure, axes = plt.subplots(figsize=(7, 4))
    for baseline in BASELINES:
        rows = [[row for row in rows if row.baseline == baseline] for rows in splits]
        difference = np.asarray([[row.ours - row.theirs for row in split] for split in rows])
        budgets = np.mean([[row.budget for row in split] for split in rows], axis=0) / 1e6
        mean, spread = difference.mean(0), difference.std(0, ddof=1)
        for i, budget in enumerate(budgets):
            worse = sum(split[i].is_worse_beyond_noise for split in rows)
            better = sum(split[i].is_better_beyond_noise for split in rows)
            lines.append(
                f"| {baseline} | {budget:.2f} | {mean[i]:+.3f} | {spread[i]:.3f} "
                f"| {spread[i] / len(rows) ** 0.5:.3f} | {worse} / {better} of {len(rows)} |"
            )
        axes.errorbar(budgets, mean, spread, capsize=2, label=f"ours - {baseline}")
    axes.axhline(0, color="grey", lw=0.8)
    axes.set(
        xlabel="budget, M MACs", ylabel="accuracy difference, points", title="mean +- sd over random halves"
    )
    axes.legend()
    figure.tight_layout()
    figure.savefig(HERE / "difference.png", dpi=110)
    return lines


def main() -> None:
    """Compare and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logits", type=Path)
    parser.add_argument("--resplits", type=int, default=20)
    arguments = parser.parse_args()
    with np.load(arguments.logits) as file:
        logits = {name: file[name] for name in file.files}
    cost = logits["reach_cost"]
    calibrate = _split(logits["calibrate_logits"], logits["calibrate_labels"])
    select = _split(logits["select_logits"], logits["select_labels"])
    pooled = np.concatenate([logits["calibrate_logits"], logits["select_logits"]])
    labels = np.concatenate([logits["calibrate_labels"], logits["select_labels"]])
    splits = [compare(pooled, labels, cost, seed) for seed in range(arguments.resplits)]
    lines = ["## The run's own split: tuned on calibrate, scored on select", ""]
    lines += [*table(compare_splits(calibrate, select, cost)), ""]
    lines += [f"## {arguments.resplits} random halves of the same images", "", *resplit_table(splits)]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
