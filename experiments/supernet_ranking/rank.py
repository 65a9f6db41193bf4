"""Does a network's inherited accuracy rank it as its own training does?

    aebnas supernet search_spaces/mnist5k.yaml --name supernet_mnist5k
    python experiments/supernet_ranking/scratch.py
    python experiments/supernet_ranking/rank.py runs/supernet_mnist5k
    python experiments/supernet_ranking/scratch.py --count 95 --seeds 1
    python experiments/supernet_ranking/rank.py runs/supernet_mnist5k --fresh 35 --output fresh.md
    python experiments/supernet_ranking/scratch.py --draw 4242
    python experiments/supernet_ranking/rank.py runs/supernet_mnist5k --draws 2026 4242 --output pooled.md

60 random architectures of mnist5k, each trained from scratch with two seeds and once inherited.  Kendall's
tau on select, of the accuracy of each exit position and of the area under the operating curve: inherited
against each seed, against their mean, and, as the ceiling, one seed against the other.  Intervals: 95%
bootstrap over architectures.  Writes results.md.  With --fresh or another draw: architectures by which no
setting was chosen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scratch import DRAW, SPACE, drawn, path_of

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.curves import fitted_curve
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings, exit_settings
from aebnas.exits.core.samples import ExitSamples
from aebnas.hardware.cost.cost import network_cost
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.spaces import space_of
from aebnas.supernet.storage import load_supernet, supernet_file
from aebnas.task.task import classification

COUNT, SEEDS, RESAMPLES = 60, (0, 1), 2000
Floats = NDArray[np.float64]
Logits = tuple[NDArray[np.float32], NDArray[np.float32]]
"""On calibrate and on select, ``(images, exits, classes)``."""


def main() -> None:
    """Inherit what is not known yet, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--set", action="append", default=[], help="as of aebnas search")
    parser.add_argument("--epochs", type=int, help="of the trainings from scratch, as given to scratch.py")
    parser.add_argument("--fresh", type=int, default=0, help="so many further architectures, seed 0 alone")
    parser.add_argument("--draws", type=int, nargs="+", default=[DRAW], help="seeds of the architectures")
    parser.add_argument("--output", default="results.md")
    arguments = parser.parse_args()
    run = arguments.run
    config = load(SPACE, ["evaluation.fidelities=[inherited]", *arguments.set])
    splits = make_splits(load_dataset(config.data), config.data)
    space = space_of(config, splits.train.shape)
    seeds: Sequence[int] = SEEDS[:1] if arguments.fresh else SEEDS
    architectures = [
        architecture
        for draw in arguments.draws
        for architecture in drawn(space, COUNT + arguments.fresh, draw)
    ]
    architectures = architectures[COUNT:] if arguments.fresh else architectures
    stored = load_supernet(supernet_file(run))
    weights = {name: tensor.numpy() for name, tensor in stored.weights.items()}
    evaluator = Evaluator(candidate_settings(config), splits, shared={"inherited": weights})
    seconds, inherited = [], []
    for architecture in architectures:
        started = time.process_time()
        outcome = evaluator.evaluate(architecture)
        seconds.append(time.process_time() - started)
        if outcome.artefacts is None:
            raise SystemExit(f"{architecture.key()}: {outcome.evaluation.status_text}")
        inherited.append((outcome.artefacts.calibrate_logits, outcome.artefacts.select_logits))
    scratch = {
        seed: [_read(architecture, seed, arguments.epochs) for architecture in architectures]
        for seed in seeds
    }
    labels = (splits.calibrate.labels, splits.select.labels)
    columns = ["what", "networks", "inherited / scratch accuracy", *(f"inherited, seed {s}" for s in seeds)]
    columns += ["inherited, mean of both", "ceiling: seed 0, seed 1"] if len(seeds) > 1 else []
    lines = [
        f"{len(architectures)} random architectures; an inherited subnet takes {np.median(seconds):.2f} "
        "core-s (median).",
        "",
        f"| {' | '.join(columns)} |",
        "|" + " --- |" * len(columns),
    ]
    measures: dict[str, Callable[[StagedArchitecture, Logits], float | None]] = {
        "exit stage1": lambda a, z: _exit_accuracy(a, z, labels[1], "stage1"),
        "exit stage2": lambda a, z: _exit_accuracy(a, z, labels[1], "stage2"),
        "final classifier": lambda a, z: _exit_accuracy(a, z, labels[1], None),
        "area under the operating curve": lambda a, z: _area(config, a, z, labels),
    }
    for name, measure in measures.items():
        of = {
            key: [measure(a, z) for a, z in zip(architectures, logits, strict=True)]
            for key, logits in {"inherited": inherited, **{str(s): scratch[s] for s in seeds}}.items()
        }
        lines.append(_line(name, of))
    text = "\n".join(lines) + "\n"
    (Path(__file__).parent / arguments.output).write_text(text)
    print(text)


def _read(architecture: StagedArchitecture, seed: int, epochs: int | None) -> Logits:
    with np.load(path_of(architecture, seed, epochs)) as file:
        return file["calibrate"], file["select"]


def _exit_accuracy(
    architecture: StagedArchitecture, logits: Logits, labels: NDArray[np.int64], after: str | None
) -> float | None:
    names = [*(exit_.after for exit_ in architecture.exits), None]
    if after not in names:
        return None
    return float((logits[1][:, names.index(after)].argmax(axis=1) == labels).mean())


def _area(
    config: object, architecture: StagedArchitecture, logits: Logits, labels: tuple[NDArray, NDArray]
) -> float:
    reach = network_cost(architecture, classification(1, 10)).reach_macs.tolist()
    calibrate, select = (ExitSamples.of(*pair, reach) for pair in zip(logits, labels, strict=True))
    return float(fitted_curve(exit_settings(config), calibrate, select).curve.area())  # type: ignore[arg-type]


def _line(name: str, of: Mapping[str, Sequence[float | None]]) -> str:
    kept = [i for i, value in enumerate(of["inherited"]) if value is not None]
    inherited, *seeds = (np.array([values[i] for i in kept], float) for values in of.values())
    mean = np.mean(seeds, axis=0)
    pairs = [(inherited, accuracies) for accuracies in seeds]
    pairs += [(inherited, mean), (seeds[0], seeds[1])] if len(seeds) > 1 else []
    means = f"{inherited.mean():.1%} / {mean.mean():.1%}"
    return f"| {name} | {len(kept)} | {means} | {' | '.join(_tau(*pair) for pair in pairs)} |"


def _tau(a: Floats, b: Floats) -> str:
    rng = np.random.default_rng(0)
    draws = rng.integers(len(a), size=(RESAMPLES, len(a)))
    taus = [kendalltau(a[rows], b[rows]).statistic for rows in draws]
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return f"{kendalltau(a, b).statistic:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
