"""Would choosing between tuned thresholds and the shared one by cross-validation help? It would not.

    python experiments/operating_curve/choice.py runs/operating_curve.npz [--halves 20]

Random halves of the calibrate images alone; the images that the reported split scores on are never
read.  On one half both fronts are tuned, and a 5-fold cross-validation inside that half measures,
per budget, tuned minus shared; a rule then picks one of the two, and the other half scores it.
Prints a Markdown table: points of accuracy over the shared threshold.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from aebnas.exits.core.arrays import BoolArray, FloatArray, ScoreArray
from aebnas.exits.core.front import thin
from aebnas.exits.core.outcome import apply_thresholds, exit_index
from aebnas.exits.core.scores import exit_scores, predictions
from aebnas.exits.thresholds.shared import shared_threshold
from aebnas.exits.thresholds.smoothing import smoothed_correctness
from aebnas.exits.thresholds.tuner import tuned_front

BUDGETS = 20
FOLDS = 5
FOLD_VECTORS = 20_000  # a smaller grid: five fits have to be as fast as one
Samples = tuple[ScoreArray, BoolArray]


def tuned(samples: Samples, cost: FloatArray, vectors: int = 2_000_000) -> tuple[FloatArray, FloatArray]:
    """Return tuned thresholds and their mean costs, as the operating curve has them."""
    front = tuned_front(samples[0], smoothed_correctness(*samples), cost, vectors)
    kept = thin(front.value, front.cost, 400)
    return front.thresholds[kept], front.cost[kept]


def shared(samples: Samples, cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return shared thresholds and their mean costs."""
    vectors = shared_threshold(*samples, cost)
    return vectors, apply_thresholds(vectors, *samples, cost).cost


def right(front: tuple[FloatArray, FloatArray], budgets: FloatArray, samples: Samples) -> FloatArray:
    """Return who is answered rightly at each budget, ``(budgets, N)``."""
    within = np.searchsorted(front[1], budgets * (1 + 1e-9), side="right") - 1
    vectors = front[0][np.maximum(within, 0)]
    rows = np.arange(len(samples[0]))
    return np.stack([samples[1][rows, exit_index(row, samples[0])] for row in vectors]).astype(np.float64)


def cross_validated(samples: Samples, cost: FloatArray, budgets: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return tuned minus shared on folds neither was tuned on: mean and standard error, ``(budgets,)``."""
    order = np.random.default_rng(0).permutation(len(samples[0]))
    difference = np.zeros((len(budgets), len(order)))
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        rest = np.setdiff1d(order, held)
        tuning, unseen = ((samples[0][part], samples[1][part]) for part in (rest, held))
        ours = right(tuned(tuning, cost, FOLD_VECTORS), budgets, unseen)
        difference[:, held] = ours - right(shared(tuning, cost), budgets, unseen)
    return difference.mean(axis=1), difference.std(axis=1) / len(order) ** 0.5


def main() -> None:
    """Compare the rules and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logits", type=Path)
    parser.add_argument("--halves", type=int, default=20)
    arguments = parser.parse_args()
    with np.load(arguments.logits) as file:
        logits, labels, cost = (file[n] for n in ("calibrate_logits", "calibrate_labels", "reach_cost"))
    scores, correct = exit_scores("confidence", logits), predictions(logits) == labels[:, np.newaxis]
    rows, seconds = [], []
    for seed in range(100, 100 + arguments.halves):
        order = np.random.default_rng(seed).permutation(len(scores))
        tuning, scoring = (
            (scores[part], correct[part]) for part in (order[: len(order) // 2], order[len(order) // 2 :])
        )
        fronts = tuned(tuning, cost), shared(tuning, cost)
        budgets = np.linspace(cost[0], max(front[1][-1] for front in fronts), BUDGETS + 1)[1:]
        ours, theirs = (100 * right(front, budgets, scoring).mean(axis=1) for front in fronts)
        start = time.process_time()
        mean, error = cross_validated(tuning, cost, budgets)
        seconds.append(time.process_time() - start)
        rows.append((ours - theirs, mean, error))
    gain, mean, error = (np.array(part) for part in zip(*rows, strict=True))
    rules = {
        "always tuned (as it is)": np.ones(gain.shape, np.bool_),
        "tuned unless worse by 1 standard error": mean > -error,
        "tuned if better": mean > 0,
        "tuned if better by 1 standard error": mean > error,
        "oracle: the better on the scoring half": gain > 0,
    }
    names = ["rule", "mean of 20 budgets", "budgets 14 to 17", *(f"budget {i}" for i in (18, 19, 20))]
    print(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    for name, is_tuned in rules.items():
        each = np.where(is_tuned, gain, 0.0).mean(axis=0)
        cells = [each.mean(), each[13:17].mean(), *each[17:]]
        print(f"| {name} | {' | '.join(f'{value:+.3f}' for value in cells)} |")
    print(f"\nCross-validation of {len(scores) // 2} samples: {np.mean(seconds):.2f} CPU-seconds.")


if __name__ == "__main__":
    main()
