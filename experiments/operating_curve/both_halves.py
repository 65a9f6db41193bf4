"""Is the tuner worse than a shared threshold beyond noise, when both halves are noise?

    python experiments/operating_curve/both_halves.py runs/operating_curve.npz [--resamples 200]

compare.py holds the tuned thresholds fixed and draws the select images again: an interval for these two
threshold vectors.  Here the calibrate images are drawn again too, and both methods tuned anew on each draw:
an interval for the two methods.  Every image is drawn with replacement; the budgets are those of the run's
own split.  Writes both_halves.md beside this file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from operating_curve import BUDGETS, Split, _answers, _curve, _split, _thresholds, _within  # noqa: E402

from aebnas.exits.core.arrays import FloatArray  # noqa: E402
from aebnas.exits.core.outcome import apply_thresholds  # noqa: E402
from aebnas.exits.thresholds.shared import shared_threshold  # noqa: E402


def main() -> None:
    """Resample, retune, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logits", type=Path)
    parser.add_argument("--resamples", type=int, default=200)
    arguments = parser.parse_args()
    with np.load(arguments.logits) as file:
        cost = np.asarray(file["reach_cost"], dtype=np.float64)
        calibrate = _split(file["calibrate_logits"], file["calibrate_labels"])
        select = _split(file["select_logits"], file["select_labels"])
    # as in compare.py: up to the most expensive point that a method reaches on calibrate
    most_expensive = max(_costs(front, calibrate, cost)[-1] for front in _fronts(calibrate, cost))
    budgets = np.linspace(cost[0], most_expensive, BUDGETS + 1)[1:]
    observed = _difference(calibrate, select, cost, budgets)
    rng = np.random.default_rng(0)
    drawn = np.array(
        [
            _difference(_drawn(calibrate, rng), _drawn(select, rng), cost, budgets)
            for _ in range(arguments.resamples)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    lines = [
        f"{arguments.resamples} draws of both halves, both methods tuned anew on each; points of accuracy.",
        "",
        "| budget (M MACs) | this split | mean of the draws | 95% of the draws | |",
        "| --- | --- | --- | --- | --- |",
    ]
    for i, budget in enumerate(budgets):
        target_check = "**worse**" if high[i] < 0 else "better" if low[i] > 0 else ""
        lines.append(
            f"| {budget / 1e6:.2f} | {observed[i]:+.2f} | {drawn[:, i].mean():+.2f} "
            f"| {low[i]:+.2f} .. {high[i]:+.2f} | {target_check} |"
        )
    (HERE / "both_halves.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _fronts(calibrate: Split, cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the threshold vectors of the tuner and of the shared threshold."""
    tuned = _thresholds(_curve(calibrate, calibrate, cost))
    return tuned, shared_threshold(calibrate.scores, calibrate.correct, cost)


def _costs(front: FloatArray, split: Split, cost: FloatArray) -> FloatArray:
    return apply_thresholds(front, split.scores, split.correct, cost).cost


def _difference(calibrate: Split, select: Split, cost: FloatArray, budgets: FloatArray) -> FloatArray:
    """Return ours minus the shared threshold's accuracy at each budget, in points."""
    correct = []
    for front in _fronts(calibrate, cost):
        chosen = front[_within(_costs(front, calibrate, cost), budgets)]
        correct.append(100 * _answers(chosen, select, cost)[0].mean(axis=1))
    return np.asarray(correct[0] - correct[1])


def _drawn(split: Split, rng: np.random.Generator) -> Split:
    rows = rng.integers(len(split.scores), size=len(split.scores))
    return Split(split.scores[rows], split.correct[rows])


if __name__ == "__main__":
    main()
