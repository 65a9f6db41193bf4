"""Eight random architectures of cifar10_dense: inherited accuracy beside that of a short training.

    python experiments/supernet_ranking/cifar10.py CIFAR_ROOT runs/cifar10/supernet --epochs 6

As they are inherited, after one epoch of fine-tuning, and trained from scratch; accuracy per exit on
select.  Eight networks show no more than the direction.  Continues where it was stopped; writes cifar10.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau
from scratch import FOLDER, drawn, keep

from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.settings import candidate_settings
from aebnas.hardware.cost.cost import network_cost
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.spaces import space_of
from aebnas.supernet.storage import load_supernet, supernet_file
from aebnas.task.task import classification

HERE = Path(__file__).parent
SPACE = HERE.parents[1] / "search_spaces" / "cifar10_dense.yaml"
COUNT = 8
EXITS = ("stage1", "stage2", "stage3", None)
"""Positions; None: the final classifier."""


def main() -> None:
    """Evaluate what is not known yet, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="folder of the CIFAR-10 binary files")
    parser.add_argument("run", type=Path, help="with the supernet")
    parser.add_argument("--epochs", type=int, default=6, help="of the trainings from scratch")
    arguments = parser.parse_args()
    inherits = ["evaluation.fidelities=[inherited]"]
    ways = {
        "inherited": inherits,
        "inherited, 1 epoch": [*inherits, "evaluation.fidelities.0.finetune_epochs=1"],
        f"scratch, {arguments.epochs} epochs": [f"training.epochs={arguments.epochs}"],
    }
    configs: dict[str, SearchFile] = {
        name: load(SPACE, [f"data.root={arguments.root}", *settings]) for name, settings in ways.items()
    }
    first = configs["inherited"]
    splits = make_splits(load_dataset(first.data), first.data)
    architectures = drawn(space_of(first, splits.train.shape), COUNT)
    stored = load_supernet(supernet_file(arguments.run))
    weights = {name: tensor.numpy() for name, tensor in stored.weights.items()}
    accuracies = {
        name: [
            _accuracies(config, splits, weights if inherits[0] in ways[name] else None, architecture, name)
            for architecture in architectures
        ]
        for name, config in configs.items()
    }
    macs = [
        network_cost(architecture, classification(3, 10)).reach_macs[-1] / 1e6
        for architecture in architectures
    ]
    lines = [
        "Accuracy on select (%), to each exit that the network has; the last is the final classifier.",
        "",
        f"| network | full M MACs | {' | '.join(accuracies)} |",
        "| --- | --- |" + " --- |" * len(accuracies),
    ]
    for i, architecture in enumerate(architectures):
        cells = [" / ".join(f"{100 * value:.1f}" for value in of[i].values()) for of in accuracies.values()]
        lines.append(f"| `{architecture.key()}` | {macs[i]:.1f} | {' | '.join(cells)} |")
    lines += ["", "| Kendall's tau with scratch | networks | inherited | inherited, 1 epoch | full MACs |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    *subnets, scratch = accuracies.values()
    for position in EXITS:
        rows = [i for i in range(COUNT) if position in scratch[i]]
        truth = [scratch[i][position] for i in rows]
        others = [[of[i][position] for i in rows] for of in subnets] + [[macs[i] for i in rows]]
        taus = " | ".join(f"{kendalltau(values, truth).statistic:.2f}" for values in others)
        lines.append(f"| {position or 'final classifier'} | {len(rows)} | {taus} |")
    text = "\n".join(lines) + "\n"
    (HERE / "cifar10.md").write_text(text)
    print(text)


def _accuracies(
    config: SearchFile, splits: Splits, weights: object, architecture: StagedArchitecture, name: str
) -> dict[str | None, float]:
    """Return the accuracy on select by exit position, from a file where it is known."""
    path = FOLDER / "cifar10" / name.replace(", ", "-").replace(" ", "") / f"{architecture.key()}.npz"
    if not path.exists():
        shared = {} if weights is None else {"inherited": weights}
        evaluator = Evaluator(candidate_settings(config), splits, shared=shared)  # type: ignore[arg-type]
        outcome = evaluator.evaluate(architecture)
        keep(outcome, path)
        print(name, path.name, f"{outcome.evaluation.cpu_seconds:.1f} s", flush=True)
    with np.load(path) as file:
        right = (file["select"].argmax(axis=2) == splits.select.labels[:, None]).mean(axis=0)
    names = [*(exit_.after for exit_ in architecture.exits), None]
    return dict(zip(names, right.tolist(), strict=True))


if __name__ == "__main__":
    main()
