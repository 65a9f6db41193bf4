"""The comparison of compare.py over several trainings of the network: other splits, other seeds.

    python experiments/operating_curve/train.py CIFAR_ROOT runs/oc_nets/1.npz --seed 1
    ...
    python experiments/operating_curve/networks.py runs/oc_nets/1.npz runs/oc_nets/2.npz ...

Each network is tuned on its own calibrate images and scored on its own select images, once, at 20
budgets from its cheapest exit to the most expensive point of any method.  Per network: the paired bootstrap
over select images with thresholds held fixed.  Over the networks: the mean difference at each budget with the
t-interval of the networks' differences, with the noise of training, of calibrate and of select in it.
Writes networks.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import t as student

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from operating_curve import BUDGETS, Row, _split, compare_splits  # noqa: E402

BASELINES = ("optuna", "shared")


def main() -> None:
    """Compare on every network and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logits", type=Path, nargs="+")
    arguments = parser.parse_args()
    tables: list[list[Row]] = []
    for file in arguments.logits:
        with np.load(file) as data:
            calibrate = _split(data["calibrate_logits"], data["calibrate_labels"])
            select = _split(data["select_logits"], data["select_labels"])
            tables.append(compare_splits(calibrate, select, np.asarray(data["reach_cost"], np.float64)))
    lines = [
        "Each network's own split; better / worse beyond noise of 20 budgets, thresholds held fixed.",
        "",
    ]
    lines += ["| baseline | " + " | ".join(file.stem for file in arguments.logits) + " |"]
    lines += ["| --- |" + " --- |" * len(tables)]
    for baseline in BASELINES:
        cells = []
        for rows in tables:
            of = [row for row in rows if row.baseline == baseline]
            better = sum(row.is_better_beyond_noise for row in of)
            worse = sum(row.is_worse_beyond_noise for row in of)
            least = min(of, key=lambda row: row.ours - row.theirs)
            cells.append(f"{better} / {worse}, least {least.ours - least.theirs:+.2f}")
        lines.append(f"| {baseline} | {' | '.join(cells)} |")
    lines += ["", f"Mean over the {len(tables)} networks, points; 95% t-interval over networks.", ""]
    lines += [
        "| budget, cheapest exit to most expensive point | against Optuna | | against the shared threshold | "
        "|"
    ]
    lines += ["| --- | --- | --- | --- | --- |"]
    quantile = float(student.ppf(0.975, len(tables) - 1)) if len(tables) > 1 else np.nan
    for i in range(BUDGETS):
        cells = []
        for baseline in BASELINES:
            rows = [[row for row in table if row.baseline == baseline][i] for table in tables]
            difference = np.array([row.ours - row.theirs for row in rows])
            mean = difference.mean()
            half = quantile * difference.std(ddof=1) / len(difference) ** 0.5
            target_check = "better" if mean - half > 0 else "**worse**" if mean + half < 0 else ""
            cells += [f"{mean:+.2f} ({mean - half:+.2f} .. {mean + half:+.2f})", target_check]
        lines.append(f"| {i + 1} of {BUDGETS} | {' | '.join(cells)} |")
    (HERE / "networks.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
