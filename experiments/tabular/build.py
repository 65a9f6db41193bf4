"""Train every architecture of space.yaml once and write table.csv.

    python experiments/tabular/build.py [--workers 2]

Continues where it was stopped (runs/tabular).  One row per architecture and
budget fraction: what a search would be told.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import pandas as pd

from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.settings import candidate_settings
from aebnas.runs.environment import environment
from aebnas.runs.store.store import RunStore
from aebnas.search.workers.ray_pool import RayPool
from aebnas.space.api import Architecture, SearchSpace
from aebnas.space.spaces import space_of

HERE = Path(__file__).parent
RUN = Path("runs/tabular")


def every_architecture(space: SearchSpace) -> dict[str, Architecture]:
    """Return all distinct architectures of a small space by key."""
    genomes = itertools.product(*(range(n) for n in space.cardinalities))
    return {a.key(): a for a in (space.decode(genome) for genome in genomes)}


def table(store: RunStore, config: SearchFile) -> pd.DataFrame:
    """Return one row per architecture and budget fraction."""
    rows = []
    for evaluation in store.evaluations():
        for budget_fraction in config.search.budget_fractions:
            metrics = evaluation.metrics(budget_fraction)
            point = evaluation.point_index(budget_fraction)
            rows.append(
                {
                    "key": evaluation.key,
                    "budget_fraction": budget_fraction,
                    "point": point,
                    "error": round(metrics["error"], 6),
                    "macs": round(metrics["macs"], 2),
                    "params": int(metrics["params"]),
                    "cpu_seconds": round(evaluation.cpu_seconds, 2),
                },
            )
    return pd.DataFrame(rows).sort_values(["key", "budget_fraction"])


def main() -> None:
    """Train what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    config = load(HERE / "space.yaml", [f"workers.count={arguments.workers}"])
    splits = make_splits(load_dataset(config.data), config.data)
    space = space_of(config, splits.train.shape)
    store = RunStore(RUN) if (RUN / "run.sqlite").exists() else RunStore.create(RUN, config, environment())
    settings = candidate_settings(config)
    context, fidelity = context_key(settings, splits.fingerprint), settings.plan.fidelities[0].name
    missing = [
        a for key, a in every_architecture(space).items() if store.find(key, context, fidelity) is None
    ]
    print(f"{len(missing)} architectures to train", flush=True)
    with store.writing():
        pool = RayPool(settings, config.workers, splits)
        for outcome in pool.evaluate(missing, lambda key: None):
            store.add(outcome, context)
            store.artefacts.forget([(outcome.evaluation.key, fidelity)])
        pool.close()
    table(store, config).to_csv(HERE / "table.csv", index=False)


if __name__ == "__main__":
    main()
