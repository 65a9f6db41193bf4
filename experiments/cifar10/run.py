"""The whole way on the real CIFAR-10: one supernet, searches, winners trained in full, their test accuracy.

    python experiments/cifar10/run.py CIFAR_ROOT --stage supernet
    python experiments/cifar10/run.py CIFAR_ROOT --stage search  [--arms searched fixed static] [--seeds 1]
    python experiments/cifar10/run.py CIFAR_ROOT --stage train   [--arms ...] [--seeds 1] [--epochs 12]
                                                                 [--bounds 8e6] [--distill SHARE] [--static]
                                                                 [--inherit --label inherited]
    python experiments/cifar10/run.py CIFAR_ROOT --stage report

Every stage calls the commands that a user would, skips what is finished and continues what is not.
Arms: the space of cifar10_dense.yaml (searched); the same backbones with one fixed exit branch, a 3x3
convolution, at the positions that the search chooses (fixed); the same backbones without exits (static).
All three inherit from the one supernet, at the same number of candidates.  Others (medium, large) search
networks of given full MACs, which the supernet hardly tells apart, after one epoch of fine-tuning each; tail
and taught search larger networks around what large had found.  Winners: the most accurate points of each
front within each bound on the average MACs, or --pick.  ``report`` writes results.csv, results.md and
accuracy.png from what ``aebnas evaluate`` has said about the test images, and compares tuned thresholds with
a single shared one on the calibrate images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
FILE = "search_spaces/cifar10_dense.yaml"
RUNS = Path("runs/cifar10")
PROFILE = "hardware_profiles/xeon-onnxruntime-dense.yaml"
"""Predicts expected latencies: batch 1, one thread."""
SUPERNET = ["supernet.rule=fair", "supernet.networks=3", "supernet.branches=2", "supernet.epochs=15"]
SEARCH = ["search.population=20", "search.generations=100", "search.max_trainings=100", "workers.count=1"]
FINETUNED = ["evaluation.fidelities.0.finetune_epochs=1", "search.population=10", "search.max_trainings=20"]
TWO_EXITS = [
    "space.exits.after=[stage2, stage3]",
    "space.exits.branch.modules=[1, 2]",
    "space.exits.branch.module.type=[conv, mbconv]",
    "space.exits.branch.module.width=1",
    "space.exits.branch.module.stride=1",
]
ARMS: dict[str, list[str]] = {
    "searched": [],
    "fixed": [
        "space.exits.branch.modules=1",
        "space.exits.branch.module.type=conv",
        "space.exits.branch.module.width=1",
        "space.exits.branch.module.stride=1",
        "space.exits.branch.module.pool=none",
    ],
    "static": ["space.exits.after=[]"],
    "medium": [*FINETUNED, "constraints.worst_macs.min=6e6", "constraints.worst_macs.max=8e6"],
    "large": [*FINETUNED, "constraints.worst_macs.min=10e6", "constraints.worst_macs.max=14e6"],
    "tail": [
        *FINETUNED,
        "constraints.worst_macs.min=13e6",
        "constraints.worst_macs.max=17e6",
        "constraints.macs.max=8e6",
        "space.stem.width=16",
        "space.stages.0.depth=2",
        "space.stages.0.width=20",
        "space.stages.1.depth=[1, 2]",
        "space.stages.1.width=[40, 48]",
        "space.stages.2.depth=2",
        "space.stages.2.width=[64, 80, 96]",
        "space.stages.3.depth=2",
        "space.stages.3.width=[64, 80]",
        *TWO_EXITS,
    ],
    "taught": [
        *FINETUNED,
        "constraints.worst_macs.min=16e6",
        "constraints.worst_macs.max=22e6",
        "constraints.macs.max=8e6",
        "space.stem.width=[16, 24]",
        "space.stages.0.depth=2",
        "space.stages.0.width=[20, 24]",
        "space.stages.1.depth=[1, 2]",
        "space.stages.1.width=[40, 48]",
        "space.stages.2.depth=2",
        "space.stages.2.width=[80, 96]",
        "space.stages.3.depth=2",
        "space.stages.3.width=[64, 80]",
        *TWO_EXITS,
    ],
}
ABLATION = ("searched", "fixed", "static")
SPENT = 0.98
"""Share of the bound that the policies of winners behind ABLATION may spend on the calibrate images; those of
the ablation spend the share of their own cost that the search chose."""
BOUNDS = (3.0e6, 4.9e6, 8.0e6)
"""On the average MACs of a winner."""
PUBLISHED = {
    "hand-drawn, 12 epochs": [(4.1, 75.5), (4.9, 79.7), (5.5, 81.8), (7.0, 83.5)],
    "hand-drawn, 36 epochs": [(4.9, 83.8), (5.9, 86.1), (7.0, 87.0)],
    "AEBNAS archive (validation)": [(4.9, 74.0), (8.6, 78.4), (10.5, 80.5), (14.9, 82.7), (15.7, 83.7)],
}
"""Average M MACs and accuracy in percent: a floor from a machine of this kind; the published archive."""
STYLES = {"hand-drawn": "k--", "AEBNAS archive (validation)": "k:"}
HALVES = 20
"""Random halves of the calibrate images."""


def aebnas(*arguments: str) -> None:
    """Run a command of the package as a user would; stop where it fails."""
    print("aebnas", *arguments, flush=True)
    finished = subprocess.run([sys.executable, "-m", "aebnas", *arguments], check=False)
    if finished.returncode:
        raise SystemExit(finished.returncode)


def overrides(settings: Sequence[str]) -> list[str]:
    """Return settings as options of the command line."""
    return [word for setting in settings for word in ("--set", setting)]


def train_supernet(root: str) -> None:
    """Train the supernet, or continue it."""
    settings = [f"data.root={root}", "evaluation.fidelities=[inherited]", *SUPERNET]
    aebnas("supernet", FILE, "--runs", str(RUNS), "--name", "supernet", *overrides(settings))


def search(root: str, arm: str, seed: int) -> None:
    """Search one arm, or continue it."""
    name = f"{arm}-{seed}"
    if (RUNS / name / "run.sqlite").exists():
        aebnas("resume", str(RUNS / name))
        return
    file = RUNS / "supernet" / "supernet" / "supernet.safetensors"
    inherit = [f"data.root={root}", "evaluation.fidelities=[inherited]", f"supernet.file={file}", *SUPERNET]
    settings = [*inherit, *SEARCH, *ARMS[arm], f"search.seed={seed}"]
    aebnas("search", FILE, "--runs", str(RUNS), "--name", name, *overrides(settings))


def folder(arm: str, seed: int, bound: float, epochs: int) -> Path:
    """Return where a winner is trained; a label may follow the arm's name."""
    return RUNS / "trained" / f"{arm}-{seed}-{bound / 1e6:g}M-{epochs}"


def train(arm: str, seed: int, bound: float, epochs: int, label: str, options: Sequence[str]) -> None:
    """Train one winner, or continue it, and score it on the test images.

    Options may pick another one, or ask for the same network without exits too.
    """
    path = folder(f"{arm}, {label}" if label else arm, seed, bound, epochs)
    has_twin = (path / "static" / "weights.pt").exists()
    if (path / "evaluation.json").exists() and (has_twin or "--static" not in options):
        return
    choice = ["--pick", f"macs:{bound:g}", "--epochs", str(epochs), "-o", str(path)]
    aebnas("train", str(RUNS / f"{arm}-{seed}"), *choice, *options)
    aebnas("evaluate", str(path), "--images", "0", "--hardware", PROFILE)


def winners() -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield what is known of every trained winner, and its folder."""
    for file in sorted((RUNS / "trained").glob("*/evaluation.json")):
        arm, seed, bound, epochs = file.parent.name.rsplit("-", 3)
        evaluation = json.loads(file.read_text())
        metadata = {"arm": arm, "seed": int(seed), "bound": bound, "epochs": int(epochs)}
        yield metadata | {"evaluation": evaluation}, file.parent


def row_of(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return one line of the table: the policy's test accuracy at its average MACs, exits tried counted."""
    evaluation = metadata.pop("evaluation")
    policy, exits = evaluation["network"]["policy"], evaluation["network"]["exits"]
    accuracy = policy["accuracy"]
    row = metadata | {
        "average M MACs": round(policy["macs"]["value"] / 1e6, 2),
        "expected ms": round(policy["costs"][f"latency_ms@{Path(PROFILE).stem}"], 3),
        "test accuracy": accuracy["value"],
        "95%": f"{100 * accuracy['low']:.1f} to {100 * accuracy['high']:.1f}",
        "exits": " / ".join(f"{100 * branch['accuracy']['value']:.1f}" for branch in exits),
        "full M MACs": round(exits[-1]["reach_macs"] / 1e6, 2),
    }
    for baseline in evaluation["baselines"]:
        if "without early exits" in baseline["name"]:
            without = baseline["network"]["policy"]
            row |= {
                "without exits": without["accuracy"]["value"],
                "at M MACs": round(without["macs"]["value"] / 1e6, 2),
            }
    return row


def shared_and_tuned(path: Path) -> tuple[float, float] | None:
    """Return the calibrate accuracy of tuned thresholds and of one shared one at the winner's average MACs.

    Mean over random halves of the calibrate images: one half tunes, the other scores.
    """
    from aebnas.exits.core.outcome import apply_thresholds
    from aebnas.exits.core.samples import ExitSamples
    from aebnas.exits.core.scores import exit_scores, predictions
    from aebnas.exits.policies.tuned import TunedThresholds
    from aebnas.exits.thresholds.shared import shared_threshold

    exits = json.loads((path / "evaluation.json").read_text())["network"]
    cost = np.array([branch["reach_macs"] for branch in exits["exits"]])
    if len(cost) == 1:
        return None
    with np.load(path / "logits.npz") as file:
        logits, labels = file["logits"], file["labels"]
    scores = exit_scores("confidence", logits)
    correct = predictions(logits) == labels[:, None]
    pairs = []
    for seed in range(HALVES):
        order = np.random.default_rng(seed).permutation(len(correct))
        tune, score = order[: len(order) // 2], order[len(order) // 2 :]
        halves = scores[tune], correct[tune]
        samples = ExitSamples.of(logits[tune], labels[tune], cost)
        path = TunedThresholds().path(samples, samples.correct)
        fronts = (
            np.array([policy.thresholds for policy in reversed(path)]),
            shared_threshold(*halves, cost),
        )
        pair = []
        for front in fronts:
            spent = apply_thresholds(front, *halves, cost).cost
            chosen = max(0, int(np.searchsorted(spent, exits["policy"]["macs"]["value"], "right")) - 1)
            outcome = apply_thresholds(front[chosen : chosen + 1], scores[score], correct[score], cost)
            pair.append(float(outcome.accuracy[0]))
        pairs.append(pair)
    tuned, shared = np.mean(pairs, axis=0)
    return float(tuned), float(shared)


def report() -> None:
    """Write results.csv, results.md and accuracy.png."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = []
    for metadata, path in winners():
        row = row_of(metadata)
        pair = shared_and_tuned(path)
        if pair is not None:
            row |= {"tuned, calibrate": round(pair[0], 4), "shared, calibrate": round(pair[1], 4)}
        rows.append(row)
    table = pd.DataFrame(rows).sort_values(["epochs", "arm", "seed", "average M MACs"])
    table.to_csv(HERE / "results.csv", index=False)
    lines = ["| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    for values in table.itertuples(index=False):
        cells = ["" if pd.isna(value) else str(value) for value in values]
        lines.append("| " + " | ".join(cells) + " |")
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    figure, panels = plt.subplots(1, 2, figsize=(13, 5), sharey=True, layout="constrained")
    kinds = dict.fromkeys(zip(table["arm"], table["epochs"], strict=True))
    colours = dict(zip(kinds, plt.get_cmap("tab20").colors, strict=False))
    for axes, cost in zip(panels, ("average M MACs", "expected ms"), strict=True):
        for (arm, epochs, _), group in table.groupby(["arm", "epochs", "seed"]):
            axes.plot(group[cost], 100 * group["test accuracy"], "o-", lw=1, color=colours[arm, epochs])
        axes.grid(alpha=0.3)
    for (arm, epochs), colour in colours.items():
        panels[0].plot([], [], "o-", lw=1, color=colour, label=f"{arm}, {epochs} epochs")
    for name, points in PUBLISHED.items():
        panels[0].plot(*zip(*points, strict=True), STYLES[name.split(",")[0]], marker=".", lw=1, label=name)
    panels[0].set(xlabel="average M MACs, exits tried counted", ylabel="accuracy (%)", xlim=(0, 20))
    panels[1].set(xlabel="expected latency, predicted for onnxruntime on one Xeon core (ms)", xlim=(0, None))
    figure.legend(loc="outside right center")
    figure.savefig(HERE / "accuracy.png", dpi=120)


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", help="folder of the CIFAR-10 binary files")
    parser.add_argument("--stage", choices=("supernet", "search", "train", "report"), required=True)
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=ABLATION)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--bounds", type=float, nargs="+", default=BOUNDS)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--set", action="append", default=[], help="as of aebnas train")
    parser.add_argument("--pick", help="key of another network of the front")
    parser.add_argument("--distill", metavar="SHARE", help="learn from the space's largest network")
    parser.add_argument("--inherit", action="store_true", help="begin with the supernet's weights")
    parser.add_argument("--label", default="", help="tells another training of a winner from the first one")
    parser.add_argument("--static", action="store_true", help="train each winner without exits too")
    arguments = parser.parse_args()
    if arguments.pick and not (len(arguments.arms) == len(arguments.bounds) == arguments.seeds == 1):
        parser.error("--pick goes with one arm, one bound and one seed")
    flags = [name for name in ("static", "inherit") if getattr(arguments, name)]
    options = [*overrides(arguments.set), *(f"--{name}" for name in flags)]
    options += ["--pick", arguments.pick] if arguments.pick else []
    options += ["--distill", "--distill-share", arguments.distill] if arguments.distill else []
    if arguments.stage == "supernet":
        train_supernet(arguments.root)
    for seed in range(arguments.seeds):
        for arm in arguments.arms:
            if arguments.stage == "search":
                search(arguments.root, arm, seed)
            for bound in arguments.bounds if arguments.stage == "train" else ():
                spend = [] if arm in ABLATION else ["--set", f"exits.macs={SPENT * bound:g}"]
                train(arm, seed, bound, arguments.epochs, arguments.label, [*spend, *options])
    if arguments.stage == "report":
        report()


if __name__ == "__main__":
    main()
