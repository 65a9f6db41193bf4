"""NSGA-II against random search on the full mnist5k space: real trainings, equal budget.

    python experiments/mnist5k/run.py [--seeds 3]

Runs (and resumes) runs/mnist5k-ALGORITHM-SEED one after the other and writes results.md and results.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from aebnas.config import load
from aebnas.runs.store.store import RunStore
from aebnas.search.session import new_session, resumed_session

HERE = Path(__file__).parent
FILE = "search_spaces/mnist5k.yaml"


def searched(algorithm: str, seed: int) -> Path:
    """Return the directory of a finished run."""
    path = Path("runs") / f"mnist5k-{algorithm}-{seed}"
    config = load(FILE, [f"search.algorithm={algorithm}", f"search.seed={seed}"])
    session = resumed_session(path) if (path / "run.sqlite").exists() else new_session(config, path)
    with session as search:
        for generation in search.run():
            print(path.name, generation.trainings, f"{generation.hypervolume:.5f}", flush=True)
    return path


def summary(path: Path) -> dict[str, object]:
    """Return the metadata of one run."""
    store = RunStore(path)
    done = {evaluation.key: evaluation for evaluation in store.evaluations()}
    last = store.generations()[-1]
    store.close()
    points = [done[key].metrics(budget_fraction) for key, budget_fraction in last["front"]]
    best = max(points, key=lambda point: point["accuracy"])
    near = min((p for p in points if p["accuracy"] >= best["accuracy"] - 0.01), key=lambda p: p["macs"])
    return {
        "run": path.name,
        "trainings": last["trainings"],
        "failed": last["failed"],
        "hypervolume": round(last["hypervolume"], 5),
        "front": len(points),
        "best accuracy": round(best["accuracy"], 4),
        "its macs": round(best["macs"]),
        "within 1 point": round(near["accuracy"], 4),
        "at macs": round(near["macs"]),
        "share": round(near["macs"] / best["macs"], 3),
        "median core-seconds": round(float(np.median([e.cpu_seconds for e in done.values()])), 2),
    }


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    rows = [summary(searched(algorithm, seed)) for seed in seeds for algorithm in ("nsga2", "random")]
    frame = pd.DataFrame(rows)
    frame.to_csv(HERE / "results.csv", index=False)
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * len(frame.columns)]
    lines += ["| " + " | ".join(str(value) for value in row) + " |" for row in frame.itertuples(index=False)]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
