"""Train random architectures of mnist5k from scratch, each with two seeds, and keep their logits.

    python experiments/supernet_ranking/scratch.py [--count 60] [--seeds 2] [--epochs 27] [--draw 4242]

One file per training in runs/supernet_ranking/scratch, or scratch27; continues where it was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.space.spaces import space_of

SPACE = Path(__file__).parents[2] / "search_spaces" / "mnist5k.yaml"
FOLDER = Path("runs/supernet_ranking")
DRAW = 2026
"""Seed of the architectures, apart from every seed of a training."""


def drawn(space: StagedSpace, count: int, draw: int = DRAW) -> list[StagedArchitecture]:
    """Return ``count`` distinct random architectures, the same every time."""
    rng = np.random.default_rng(draw)
    architectures: dict[str, StagedArchitecture] = {}
    while len(architectures) < count:
        architecture = space.decode(space.sample(rng))
        architectures.setdefault(architecture.key(), architecture)
    return list(architectures.values())


def path_of(architecture: StagedArchitecture, seed: int, epochs: int | None) -> Path:
    """Return where the logits of one training are kept; ``epochs`` None: as many as the space file says."""
    return FOLDER / f"scratch{epochs or ''}" / f"{architecture.key()}-{seed}.npz"


def keep(outcome: Outcome, path: Path) -> None:
    """Write the logits of one training, whole or not at all."""
    artefacts = outcome.artefacts
    if artefacts is None:
        raise SystemExit(f"{outcome.evaluation.key}: {outcome.evaluation.status_text}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        calibrate=artefacts.calibrate_logits,
        select=artefacts.select_logits,
        cpu_seconds=outcome.evaluation.cpu_seconds,
    )
    temporary.replace(path)


def main() -> None:
    """Train what is missing, seed after seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="default: as the space file says")
    parser.add_argument("--draw", type=int, default=DRAW, help="seed of the architectures")
    arguments = parser.parse_args()
    config: SearchFile = load(SPACE, [])
    splits = make_splits(load_dataset(config.data), config.data)
    architectures = drawn(space_of(config, splits.train.shape), arguments.count, arguments.draw)
    for seed in range(arguments.seeds):
        longer = [f"training.epochs={arguments.epochs}"] if arguments.epochs else []
        evaluator = Evaluator(candidate_settings(load(SPACE, [f"search.seed={seed}", *longer])), splits)
        for architecture in architectures:
            path = path_of(architecture, seed, arguments.epochs)
            if not path.exists():
                outcome = evaluator.evaluate(architecture)
                keep(outcome, path)
                print(path.name, f"{outcome.evaluation.cpu_seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
