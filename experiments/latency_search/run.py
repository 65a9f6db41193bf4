"""Searching by measured latency against searching by MACs: same space, budget, seeds.

    python experiments/latency_search/run.py PROFILE.yaml [--seeds 3] [--macs-runs runs/mnist5k-nsga2-]

Runs (and resumes) runs/latency-SEED with objectives error and latency_ms; the searches by MACs are those of
experiments/mnist5k/run.py.  Both are scored on the device: the candidates of the MACs search are
rescored from their stored scores (thresholds tuned for latency), so that only the architectures differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from aebnas.config import load
from aebnas.evaluation.rescoring import rescored, rescored_config
from aebnas.evaluation.settings import exit_settings
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.runs.contents import RunContents
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.runs.reading import read_run
from aebnas.runs.store.arrays import read_labels
from aebnas.runs.store.store import RunStore
from aebnas.search.session import new_session, resumed_session
from aebnas.task.task import Task

HERE = Path(__file__).parent
FILE = "search_spaces/mnist5k.yaml"


def searched(path: Path, overrides: list[str]) -> Path:
    """Return the directory of a finished run."""
    session = (
        resumed_session(path) if (path / "run.sqlite").exists() else new_session(load(FILE, overrides), path)
    )
    with session as search:
        for generation in search.run():
            print(path.name, generation.trainings, f"{generation.hypervolume:.5f}", flush=True)
    return path


def on_device(path: Path, profile: Path) -> RunContents:
    """Return a run with its front on the device."""
    store = RunStore(path)
    config = rescored_config(store.config, [str(profile)], None)
    task = Task.of_samples(store.metadata("image_shape"), len(store.metadata("classes")))
    devices = DeviceCosts.read([profile])
    rescoring = rescored(
        exit_settings(config), store.evaluations(), store.exit_records, read_labels(path), devices, task
    )
    return read_run(store, rescored=(config, rescoring))


def front_of(run: RunContents) -> np.ndarray:
    """Return error and latency of the front, shape ``(points, 2)``."""
    metric = run.config.cost_metric
    return np.array([[point.metrics["error"], point.metrics[metric]] for point in run.front])


def main() -> None:
    """Run what is missing and write results.csv, results.md and front.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--macs-runs", default="runs/mnist5k-nsga2-")
    arguments = parser.parse_args()
    profile = arguments.profile
    fronts: dict[tuple[str, int], np.ndarray] = {}
    for seed in range(arguments.seeds):
        by_latency = [f"hardware=[{profile}]", "objectives=[error, latency_ms]", f"search.seed={seed}"]
        latency = searched(Path(f"runs/latency-{seed}"), by_latency)
        macs = searched(Path(f"{arguments.macs_runs}{seed}"), [f"search.seed={seed}"])
        fronts["latency", seed] = front_of(on_device(latency, profile))
        fronts["macs", seed] = front_of(on_device(macs, profile))
    most_expensive = max(float(front[:, 1].max()) for front in fronts.values())
    # the error that the constraint of the space allows, and the most expensive point of any front
    reference = np.array([0.1, most_expensive])
    rows = []
    for seed in range(arguments.seeds):
        volumes = {
            arm: hypervolume(fronts[arm, seed], reference) / reference.prod() for arm in ("latency", "macs")
        }
        rows.append(
            {
                "seed": seed,
                "by latency": round(volumes["latency"], 5),
                "by MACs": round(volumes["macs"], 5),
                "ratio": round(volumes["latency"] / volumes["macs"], 4),
                **{f"best accuracy by {arm}": round(1 - fronts[arm, seed][:, 0].min(), 4) for arm in volumes},
                **{f"fastest ms by {arm}": round(float(fronts[arm, seed][:, 1].min()), 4) for arm in volumes},
            }
        )
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "results.csv", index=False)
    (HERE / "results.md").write_text(_markdown(table) + "\n")
    _plot(fronts, HERE / "front.png")
    print(_markdown(table))


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(f"{value:g}" for value in row) + " |" for row in table.to_numpy()]
    return "\n".join(lines)


def _plot(fronts: dict[tuple[str, int], np.ndarray], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    colours = {"latency": "tab:blue", "macs": "tab:orange"}
    for (arm, seed), front in fronts.items():
        front = front[np.argsort(front[:, 1])]
        label = f"searched by {'latency' if arm == 'latency' else 'MACs'}" if seed == 0 else None
        axes.step(
            front[:, 1], 100 * (1 - front[:, 0]), where="post", color=colours[arm], alpha=0.7, label=label
        )
        axes.plot(front[:, 1], 100 * (1 - front[:, 0]), ".", color=colours[arm])
    axes.set(xlabel="expected latency (ms), predicted", ylabel="accuracy on select (%)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
