"""Tables and figure of the ResNet-56 experiment, from what the other scripts left.

    python experiments/pretrained_resnet56/results.py CIFAR WEIGHTS

Per resplit a set is chosen on select (2,500 images), at the point of its curve within half the cost of the
network, which calibrate chooses, and scored on 5,000 others.  Cascades are of whole networks: the mean of
the softmaxes of those that ran, whose margin decides; thresholds are set on calibrate and select together.
The promise on harm is fitted on 5,000 images, and counted on the other 5,000 and on all 10,000, 500 times.
Writes splits.csv, results.md and front.png.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bank import HERE, RUNS, search_file
from sets import PARTS, all_sets

from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import softmax
from aebnas.exits.operating_curve import operating_curve
from aebnas.exits.policies.configured import configured_family, configured_target

FULL_MACS = 125.485696e6
MACS = {"resnet20": 40.55e6, "resnet32": 68.86e6, "resnet56": FULL_MACS}
HALF = FULL_MACS / 2
KINDS = {"linear": {"0"}, "one convolution": {"1"}, "two convolutions": {"2"}, "searched": {"0", "1", "2"}}
RESPLITS_OF_HARM = 500
PROMISE = "exits.guarantee={max_harm: 0.01, confidence: 0.9}"


def order_of(number: int, images: int) -> np.ndarray:
    """Return the images of a resplit: calibrate, select, test; as in sets.py."""
    return np.random.default_rng(1000 + number).permutation(images)


def best_at_half(frame: pd.DataFrame) -> pd.Series:
    """Return the set that is best on select at its point within half the cost, which calibrate chose."""
    at_half = frame[(frame.share == 0) & (frame.select_macs <= 1.01 * HALF)]  # else nothing was within it
    return at_half.loc[at_half.select_accuracy.idxmax()]


def frozen_rows(number: int) -> Iterator[dict[str, object]]:
    """Yield what each kind of branch gives on one resplit at half the cost."""
    frame = pd.read_csv(RUNS / f"sets_{number}.csv")
    used = frame.modules.map(lambda text: set(text.split()) - {"-1"})
    for kind, allowed in KINDS.items():
        best = best_at_half(frame[used.map(lambda own, allowed=allowed: bool(own) and own <= allowed)])
        yield {
            "resplit": number, "what": kind, "modules": best.modules,
            "test_accuracy": best.test_accuracy, "share": best.test_macs / FULL_MACS,
        }  # fmt: skip


def cascade_rows(number: int, stored: dict[str, np.ndarray]) -> Iterator[dict[str, object]]:
    """Yield the cascades' corners on one resplit: thresholds from 5,000 images, scored on the others."""
    order, labels = order_of(number, len(stored["labels"])), stored["labels"]
    fit, test = order[:5000], order[5000:]
    for names in (("resnet20", "resnet56"), ("resnet20", "resnet32", "resnet56")):
        means = [np.mean([softmax(stored[name]) for name in names[: i + 1]], 0) for i in range(len(names))]
        right = np.stack([mean.argmax(1) == labels for mean in means], 1)
        ordered = [np.sort(mean, 1) for mean in means]
        margin = np.stack([values[:, -1] - values[:, -2] for values in ordered], 1)
        reach = np.cumsum([MACS[name] for name in names])
        best = (0.0, None)
        steps = np.quantile(margin[fit, :-1], np.linspace(0.02, 0.98, 33), axis=0).T
        for thresholds in itertools.product(*steps):
            leaves = _leaves(margin[fit], thresholds)
            accuracy, cost = right[fit, leaves].mean(), reach[leaves].mean()
            if cost <= HALF and accuracy > best[0]:
                best = (accuracy, thresholds)
        if best[1] is not None:
            leaves = _leaves(margin[test], best[1])
            yield {
                "resplit": number, "what": f"cascade {'-'.join(name[6:] for name in names)}", "modules": "",
                "test_accuracy": right[test, leaves].mean(), "share": reach[leaves].mean() / FULL_MACS,
            }  # fmt: skip
    for name, macs in MACS.items():
        accuracy = (stored[name][test].argmax(1) == labels[test]).mean()
        yield {
            "resplit": number, "what": f"{name} alone", "modules": "",
            "test_accuracy": accuracy, "share": macs / FULL_MACS,
        }  # fmt: skip


def _leaves(margin: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
    leaves = np.concatenate([margin[:, :-1] >= np.array(thresholds), np.ones((len(margin), 1), bool)], 1)
    return leaves.argmax(1)


def finetuned_rows(number: int, stored: dict[str, np.ndarray], cifar: str, weights: str) -> Iterator[dict]:
    """Yield the jointly trained network on one resplit at half the cost of ResNet-56, and in full."""
    path = RUNS / "finetuned.npz"
    if not path.exists():
        return
    trained, family = np.load(path), configured_family(search_file(cifar, weights).exits.only)
    order, labels = order_of(number, len(stored["labels"])), stored["labels"]
    samples = {
        part: ExitSamples.of(trained["logits"][order[rows]], labels[order[rows]], trained["reach"])
        for part, rows in PARTS.items()
    }
    curve = operating_curve(
        family.path(samples["calibrate"], samples["calibrate"].correct),
        samples["calibrate"],
        samples["select"],
    )
    for what, macs in (("trained jointly, half the cost", HALF), ("trained jointly, in full", np.inf)):
        outcome = outcome_of(curve.policies[curve.index_within(macs)], samples["test"])
        yield {
            "resplit": number, "what": what, "modules": "",
            "test_accuracy": outcome.accuracy, "share": outcome.cost / FULL_MACS,
        }  # fmt: skip


def harm(stored: dict[str, np.ndarray], modules: str, cifar: str, weights: str) -> pd.DataFrame:
    """Return harm and cost of the promise on 500 resplits, for one set of exits on the network as it is."""
    config = search_file(cifar, weights, PROMISE)
    family, target = configured_family(config.exits.only), configured_target(config.exits, "macs")
    chosen = tuple(map(int, modules.split()))
    _, reach = all_sets(cifar, weights)[chosen]
    heads = list(dict.fromkeys(name.rpartition("=")[0] for name in stored if "=" in name))
    names = [f"{name}={m}" for name, m in zip(heads, chosen, strict=True) if m >= 0]
    logits, labels = np.stack([stored[name] for name in (*names, "last")], 1), stored["labels"]
    rows, all_images = [], ExitSamples.of(logits, labels, reach)
    for number in range(RESPLITS_OF_HARM):
        order = np.random.default_rng(5000 + number).permutation(len(labels))
        fit, test = (ExitSamples.of(logits[own], labels[own], reach) for own in (order[:5000], order[5000:]))
        policy = target.fit(family, fit).policy
        outcome, everywhere = outcome_of(policy, test), outcome_of(policy, all_images)
        rows.append({"harm": outcome.harm, "of_all": everywhere.harm, "share": outcome.cost / FULL_MACS})
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame) -> None:
    """Draw mean accuracy over mean cost."""
    means = frame.groupby("what", sort=False)[["test_accuracy", "share"]].mean()
    figure, axes = plt.subplots(figsize=(7, 4.2))
    for what, row in means.iterrows():
        marker = "s" if "alone" in what else "^" if "cascade" in what else "o"
        axes.plot(row["share"], 100 * row.test_accuracy, marker, label=what)
    axes.set(xlabel="mean MACs, share of ResNet-56 alone", ylabel="accuracy on 5,000 images, %")
    axes.legend(fontsize=7, ncol=2)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(HERE / "front.png", dpi=110)


def main(cifar: str, weights: str) -> None:
    """Write the tables and the figure."""
    stored = dict(np.load(RUNS / "logits.npz"))
    numbers = sorted(int(path.stem.split("_")[1]) for path in RUNS.glob("sets_*.csv"))
    rows = []
    for number in numbers:
        rows += [*frozen_rows(number), *cascade_rows(number, stored)]
        rows += finetuned_rows(number, stored, cifar, weights)
    frame = pd.DataFrame(rows)
    frame.round(5).to_csv(HERE / "splits.csv", index=False)
    table = frame.groupby("what", sort=False)[["test_accuracy", "share"]].agg(["mean", "std"])
    lines = [f"{len(numbers)} resplits; mean (standard deviation) over them.", ""]
    lines += ["| | accuracy, % | mean MACs, share of ResNet-56 |", "| --- | --- | --- |"]
    for what, row in table.iterrows():
        accuracy, share = row["test_accuracy"], row["share"]
        lines.append(
            f"| {what} | {100 * accuracy['mean']:.2f} ({100 * accuracy['std']:.2f}) | {share['mean']:.3f} |"
        )
    modules = frame[(frame.what == "searched") & (frame.resplit == 0)].modules.iloc[0]
    promised = harm(stored, modules, cifar, weights)
    lines += [
        "",
        f"Promise on harm (max_harm 0.01, confidence 0.9), set {modules}, {len(promised)} resplits: "
        f"broken in {(promised.of_all > 0.01).mean():.1%} among all 10,000 images, of which the 5,000 were "
        f"drawn, and in {(promised.harm > 0.01).mean():.1%} among the other 5,000, whose own chance comes on "
        f"top; mean harm {promised.harm.mean():.4f}, mean cost "
        f"{promised.share.mean():.3f} of ResNet-56.",
    ]
    seconds = pd.concat([pd.read_csv(RUNS / f"sets_{n}.csv").seconds_per_set.head(1) for n in numbers])
    heads = pd.read_csv(HERE / "heads.csv").cpu_seconds
    lines.append(f"A set whose heads are known: {seconds.min():.2f} to {seconds.max():.2f} CPU seconds.")
    lines.append(f"A head: median {heads.median():.1f}, at most {heads.max():.1f} CPU seconds.")
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    draw(frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
