"""Times the operating curve, and compares it with Optuna and a shared threshold on unseen samples.

    python benchmarks/operating_curve.py                      # synthetic logits
    python benchmarks/operating_curve.py --logits FILE.npz    # logits of a trained network

The file holds calibrate_logits (N, E, K), calibrate_labels (N,), select_logits (M, E, K),
select_labels (M,) and reach_cost (E,), in any unit.

Each method tunes on calibrate and answers 20 budgets, chosen on calibrate, with its best point
there.  The answers are scored on select; the difference in accuracy is bootstrapped over samples,
paired, 2,000 times.  "Worse beyond noise" = the whole 95% interval of ours minus theirs is below 0.
"""

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before numpy: the times are of one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from aebnas.exits.core.arrays import BoolArray, FloatArray, IntArray, ScoreArray
from aebnas.exits.core.outcome import apply_thresholds, exit_index
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import exit_scores, predictions
from aebnas.exits.operating_curve import OperatingCurve, operating_curve
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.thresholds.optuna_tuner import tune_with_optuna
from aebnas.exits.thresholds.shared import shared_threshold

BUDGETS = 20
RESAMPLES = 2000
TRIALS = 1000
Logits = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Split:
    """What the methods see of one split: scores ``(N, E)`` and correctness ``(N, E)``."""

    scores: ScoreArray
    correct: BoolArray

    def samples(self, reach_cost: FloatArray) -> ExitSamples:
        """Return the split as policies are fitted on it: answer 0 is right, 1 is wrong."""
        answers = (~self.correct).astype(np.int64)
        labels = np.zeros(len(answers), np.int64)
        return ExitSamples.of_scores({"confidence": self.scores}, answers, labels, reach_cost)


@dataclass(frozen=True)
class Row:
    """Ours against one baseline at one budget; accuracies and difference in percent, on select."""

    baseline: str
    budget: float
    ours: float
    theirs: float
    low: float
    high: float
    our_cost: float
    their_cost: float

    @property
    def is_worse_beyond_noise(self) -> bool:
        """Is the whole 95% interval of ours minus theirs below zero?"""
        return self.high < 0

    @property
    def is_better_beyond_noise(self) -> bool:
        """Is the whole 95% interval of ours minus theirs above zero?"""
        return self.low > 0


def synthetic_logits(samples: int, exits: int, seed: int, classes: int = 10) -> tuple[Logits, IntArray]:
    """Return logits of exits that improve, share each sample's difficulty and err together."""
    network = np.random.default_rng([seed, 0])
    random = np.random.default_rng([seed, 1])
    labels = random.integers(classes, size=samples)
    difficulty = random.normal(size=samples)
    common_noise = random.normal(size=(samples, classes))
    strength = np.sort(network.uniform(0.5, 3.0, exits)) + 0.3 * np.arange(exits)
    temperature = network.uniform(0.7, 1.8, exits)
    logits = np.empty((samples, exits, classes), dtype=np.float32)
    for i in range(exits):
        signal = 0.75 * common_noise + 0.66 * random.normal(size=(samples, classes))
        signal[np.arange(samples), labels] += strength[i] + 0.5 - difficulty
        logits[:, i] = 1.5 * temperature[i] * signal
    return logits, labels


def compare(logits: Logits, labels: IntArray, reach_cost: FloatArray, folds_seed: int = 0) -> list[Row]:
    """Split the samples into calibrate and select halves, and compare the methods."""
    order = np.random.default_rng(folds_seed).permutation(len(labels))
    calibrate, select = order[: len(order) // 2], order[len(order) // 2 :]
    halves = [_split(logits[half], labels[half]) for half in (calibrate, select)]
    return compare_splits(halves[0], halves[1], reach_cost, folds_seed)


def compare_splits(calibrate: Split, select: Split, reach_cost: FloatArray, seed: int = 0) -> list[Row]:
    """Compare the methods: tuned on calibrate, scored on select."""
    fronts = {
        "ours": _thresholds(_curve(calibrate, select, reach_cost)),
        "optuna": tune_with_optuna(calibrate.scores, calibrate.correct, reach_cost, TRIALS, seed),
        "shared": shared_threshold(calibrate.scores, calibrate.correct, reach_cost),
    }
    costs = {
        name: apply_thresholds(front, calibrate.scores, calibrate.correct, reach_cost).cost
        for name, front in fronts.items()
    }
    most_expensive = max(cost[-1] for cost in costs.values())
    budgets = np.linspace(reach_cost[0], most_expensive, BUDGETS + 1)[1:]
    chosen = {name: fronts[name][_within(costs[name], budgets)] for name in fronts}
    rows = []
    for baseline in ("optuna", "shared"):
        rows += _rows(baseline, budgets, chosen["ours"], chosen[baseline], select, reach_cost, seed)
    return rows


def _curve(calibrate: Split, select: Split, reach_cost: FloatArray) -> OperatingCurve:
    seen, unseen = calibrate.samples(reach_cost), select.samples(reach_cost)
    return operating_curve(TunedThresholds().path(seen, seen.correct), seen, unseen)


def _thresholds(curve: OperatingCurve) -> FloatArray:
    return np.array([policy.thresholds for policy in curve.policies])


def _split(logits: Logits, labels: IntArray) -> Split:
    return Split(exit_scores("confidence", logits), predictions(logits) == labels[:, np.newaxis])


def _within(costs: FloatArray, budgets: FloatArray) -> IntArray:
    index: IntArray = np.maximum(np.searchsorted(costs, budgets * (1 + 1e-9), side="right") - 1, 0)
    return index


def _rows(
    baseline: str,
    budgets: FloatArray,
    our_thresholds: FloatArray,
    their_thresholds: FloatArray,
    select: Split,
    reach_cost: FloatArray,
    seed: int,
) -> list[Row]:
    ours, our_cost = _answers(our_thresholds, select, reach_cost)
    theirs, their_cost = _answers(their_thresholds, select, reach_cost)
    low, high = _interval(ours - theirs, seed)
    return [
        Row(
            baseline,
            float(budgets[i]),
            100 * float(ours[i].mean()),
            100 * float(theirs[i].mean()),
            100 * float(low[i]),
            100 * float(high[i]),
            float(our_cost[i]),
            float(their_cost[i]),
        )
        for i in range(len(budgets))
    ]


def _answers(thresholds: FloatArray, split: Split, reach_cost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return who is answered rightly ``(P, N)`` and the mean cost ``(P,)``."""
    left = np.stack([exit_index(vector, split.scores) for vector in thresholds])
    right = split.correct[np.arange(len(split.scores)), left].astype(np.float64)
    return right, reach_cost[left].mean(axis=1)


def _interval(difference: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return the 95% interval of the mean of ``(P, N)`` over samples, drawn with replacement."""
    random = np.random.default_rng([seed, 2])
    samples = difference.shape[1]
    means = np.empty((RESAMPLES, len(difference)))
    for i in range(RESAMPLES):
        counts = np.bincount(random.integers(samples, size=samples), minlength=samples)
        means[i] = difference @ counts / samples
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, high


def _print_table(rows: list[Row]) -> None:
    print(
        f"{'baseline':8} {'budget':>10} {'ours %':>7} {'theirs %':>8} {'95% of difference':>20} {'cost':>14}"
    )
    for row in rows:
        mark = " WORSE" if row.is_worse_beyond_noise else (" better" if row.is_better_beyond_noise else "")
        interval = f"[{row.low:+.2f}, {row.high:+.2f}]"
        costs = f"{row.our_cost:.4g}/{row.their_cost:.4g}"
        print(
            f"{row.baseline:8} {row.budget:10.4g} {row.ours:7.2f} {row.theirs:8.2f}"
            f" {interval:>20} {costs:>14}{mark}"
        )


def _print_summary(name: str, rows: list[Row]) -> None:
    for baseline in ("optuna", "shared"):
        of = [row for row in rows if row.baseline == baseline]
        gain = np.array([row.ours - row.theirs for row in of])
        worse = sum(row.is_worse_beyond_noise for row in of)
        better = sum(row.is_better_beyond_noise for row in of)
        print(
            f"{name} against {baseline}: mean {gain.mean():+.2f} points, least {gain.min():+.2f};"
            f" beyond noise: better at {better}, worse at {worse} of {len(of)}",
            flush=True,
        )


def _time_synthetic(samples: int) -> None:
    for exits in range(2, 8):
        logits, labels = synthetic_logits(2 * samples, exits, seed=0)
        reach_cost = np.cumsum(np.linspace(1.0, 2.0, exits))
        calibrate, select = (
            _split(logits[:samples], labels[:samples]),
            _split(logits[samples:], labels[samples:]),
        )
        start = time.perf_counter()
        curve = _curve(calibrate, select, reach_cost)
        seconds = time.perf_counter() - start
        print(
            f"{samples} + {samples} samples, {exits} exits: {seconds:.2f} s, {len(curve)} points,"
            f" area {curve.area():.4f}",
            flush=True,
        )


def _compare_synthetic(samples: int, seeds: int) -> None:
    for exits in (3, 5, 7):
        rows: list[Row] = []
        for seed in range(seeds):
            logits, labels = synthetic_logits(samples, exits, seed)
            rows += compare(logits, labels, np.cumsum(np.linspace(1.0, 2.0, exits)), seed)
        _print_summary(f"{exits} exits, {seeds} seeds,", rows)


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logits", type=Path, help="compare on these logits instead of synthetic ones")
    parser.add_argument(
        "--samples", type=int, default=10_000, help="synthetic samples (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds", type=int, default=5, help="synthetic networks per size (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if arguments.logits is None:
        _time_synthetic(arguments.samples)
        _compare_synthetic(arguments.samples, arguments.seeds)
        return
    with np.load(arguments.logits) as data:
        calibrate = _split(data["calibrate_logits"], data["calibrate_labels"])
        select = _split(data["select_logits"], data["select_labels"])
        rows = compare_splits(calibrate, select, np.asarray(data["reach_cost"], dtype=np.float64))
    _print_table(rows)
    _print_summary(arguments.logits.stem, rows)


if __name__ == "__main__":
    main()
