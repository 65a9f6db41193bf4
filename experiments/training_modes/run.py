"""Every way of training on one network: accuracy per exit on select, over several seeds.

    python experiments/training_modes/run.py [--seeds 3]

Writes results.md beside this file.  One thread; about ten seconds per training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from aebnas.config import load
from aebnas.config.sections.losses import LOSS_NAMES
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.spaces import space_of

HERE = Path(__file__).parent
FILE = str(HERE / "network.yaml")
OPTIONS = {"weighted": ["training.loss.exit_weights=[0.33, 0.67, 1.0]"]}
"""What a loss needs besides its name."""
LONGER = ("uniform", "gradient_equilibrium", "frozen", "jei")
"""Trained with twice the epochs too: two phases halve what a network gets."""
TWICE = ["training.epochs=18"]
HALF = 0.5
"""Share of the full cost at which the operating point of the last column is chosen."""


def trained(loss: str, longer: bool, seed: int, splits: Splits) -> list[float]:
    """Return accuracy per exit, then accuracy of the point tuned for half the cost, and core-seconds."""
    options = OPTIONS.get(loss, []) + (TWICE if longer else [])
    config = load(FILE, [f"training.loss={loss}", f"search.seed={seed}", *options])
    space = space_of(config, splits.train.shape)
    evaluation = (
        Evaluator(candidate_settings(config), splits)
        .evaluate(space.decode((0,) * len(space.genes)))
        .evaluation
    )
    if evaluation.curve is None:
        raise SystemExit(f"{loss}, seed {seed}: {evaluation.status_text}")
    row = [*evaluation.curve.exit_accuracy, evaluation.metrics(HALF)["accuracy"]]
    print(loss, seed, [f"{value:.4f}" for value in row], f"{evaluation.cpu_seconds:.1f} s", flush=True)
    return [*(100 * value for value in row), evaluation.cpu_seconds]


def table(results: dict[str, np.ndarray]) -> list[str]:
    """Return accuracy per loss with the paired gain over the plain sum."""
    exits = next(iter(results.values())).shape[1] - 2
    names = [*(f"exit {i + 1}" for i in range(exits)), "tuned, half the cost"]
    lines = [f"| loss | {' | '.join(names)} | core-seconds |", "|" + " --- |" * (exits + 3)]
    for loss, rows in results.items():
        lines.append(f"| {loss} | {' | '.join(map(spread, rows.T[:-1]))} | {rows[:, -1].mean():.1f} |")
    lines += ["", f"| gain over uniform | {' | '.join(names)} |", "|" + " --- |" * (exits + 2)]
    for loss, rows in results.items():
        if loss != "uniform":
            gains = (rows - results["uniform"]).T[:-1]
            lines.append(f"| {loss} | {' | '.join(spread(gain, '+') for gain in gains)} |")
    return lines


def spread(values: np.ndarray, sign: str = "") -> str:
    """Return mean and standard deviation over the seeds."""
    return f"{values.mean():{sign}.2f} ± {values.std(ddof=1):.2f}"


def main() -> None:
    """Train all and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    data = load(FILE, []).data
    splits = make_splits(load_dataset(data), data)
    head = (
        f"Accuracy on {len(splits.select)} select images in %, mean ± standard deviation over {seeds} seeds."
    )
    lines = [head]
    for title, losses, longer in (("9 epochs", LOSS_NAMES, False), ("18 epochs", LONGER, True)):
        rows = {
            loss: np.array([trained(loss, longer, seed, splits) for seed in range(seeds)]) for loss in losses
        }
        lines += ["", f"## {title}", "", *table(rows)]
    text = "\n".join(lines)
    (HERE / "results.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
