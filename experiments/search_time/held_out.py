"""How good the networks that searches chose by then are on images that chose nothing.

    python experiments/search_time/held_out.py MNIST_FOLDER [--seeds 0 1 2] [--arms scratch ...] [--report]

``MNIST_FOLDER`` holds the official test images, ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``,
plain or gzipped: the 5,000 images of mnist5k are official training images, so that no search has seen one.

A search's hypervolume on its own select images counts the luckiest of what it trained.  Here the select
images choose only: for every budget of mean MACs the most accurate operating point that is known by then.
What it gets wrong among the 10,000 is what counts, in the same integral over budgets.

The runs are those of run.py.  Every candidate that ever held the front of its search is trained again, by the
seed of its own, or inherits again; the row says whether it came out exactly as the search had it.  Writes
held_out.csv, held_out.md and held_out.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from run import (
    ALLOWED_ERROR,
    ARMS,
    HERE,
    RUNS,
    Known,
    points_of,
    run_path,
    settings,
    supernet_seconds,
    table_row,
    timeline,
    worst_of,
)

from aebnas.config.schema import SearchFile
from aebnas.data.dataset import Samples
from aebnas.data.datasets import load_dataset
from aebnas.data.readers.idx import read_idx
from aebnas.data.splits import make_splits
from aebnas.errors import RunError
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step, plan_of
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.settings import candidate_settings
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.samples import ExitSamples
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import load_weight_bytes
from aebnas.runs.fronts.pareto import hypervolume, non_dominated
from aebnas.runs.store.store import RunStore
from aebnas.supernet.storage import load_supernet
from aebnas.task.task import classification
from aebnas.training.image_logits import image_logits

REFERENCE = "scratch, 340 trainings"
"""The search whose end the others are held against."""
SHARE = 0.2
"""Of its time, in which they shall reach it."""
Curve = list[tuple[float, float]]
"""Core-seconds, and what was attained by then."""


class Row(NamedTuple):
    """One operating point: how it was chosen, and what it is."""

    arm: str
    seed: int
    key: str
    seconds: float
    error: float
    macs: float
    unseen_error: float
    unseen_macs: float
    trained: bool
    exact: bool
    """It came out as in the search, on the select images."""
    cpu_seconds: float
    """Of the training or inheritance in the search."""
    again_seconds: float
    """The same of its repetition."""


def official_test(folder: Path) -> Samples:
    """Return the 10,000 official test images.

    Raises:
        RunError: They are not there.
    """
    parts = []
    for name, dimensions in (("t10k-images-idx3-ubyte", 3), ("t10k-labels-idx1-ubyte", 1)):
        files = [path for path in (folder / name, folder / f"{name}.gz") if path.exists()]
        if not files:
            raise RunError(f"{folder} has no {name}")
        parts.append(read_idx(files[0], dimensions))
    return Samples(parts[0][..., None], parts[1].astype(np.int64))


def ever_on_front(candidates: list[Known], config: SearchFile) -> list[Known]:
    """Return who held a point of the front at any time."""
    kept, front = [], np.empty((0, 2))
    for candidate in candidates:
        points = [point for point in points_of(candidate.evaluation, config) if point[0] < ALLOWED_ERROR]
        before = len(front)
        both = np.concatenate([front, np.array(points).reshape(-1, 2)])
        mask = non_dominated(both)
        if mask[before:].any():
            kept.append(candidate)
        front = both[mask]
    return kept


class Repetition:
    """Networks of one search once more."""

    def __init__(self, arm: str, seed: int, images: Samples) -> None:
        """Prepare what trains and inherits as the search did."""
        store = RunStore(run_path(arm, seed))
        config = store.config
        store.close()
        self._config, self._images = config, images
        self._splits = make_splits(load_dataset(config.data), config.data)
        shared = {}
        if plan_of(config).inherits:
            file, _ = supernet_seconds(config)
            shared = {"inherited": load_supernet(file).arrays()}
        self._evaluator = Evaluator(candidate_settings(config), self._splits, shared=shared)

    def of(self, candidate: Known) -> tuple[bytes, Evaluation]:
        """Return weights, and what the select images say of them."""
        if candidate.weights is not None:
            return candidate.weights, candidate.evaluation
        evaluation = candidate.evaluation
        outcome = self._from_its_beginning(evaluation)
        if outcome.artefacts is None:
            raise RunError(f"{evaluation.key} failed this time: {outcome.evaluation.status_text}")
        return outcome.artefacts.weights, outcome.evaluation

    def _from_its_beginning(self, evaluation: Evaluation) -> Outcome:
        """Take a candidate through the fidelities of its search once more, up to its own."""
        plan, weights = self._evaluator.plan, None
        level = plan.named(evaluation.fidelity).level
        while plan.fidelities[level].continues:
            level -= 1
        for step in range(level, plan.named(evaluation.fidelity).level + 1):
            outcome = self._evaluator.evaluate(evaluation.architecture, Step(step, weights))
            weights = None if outcome.artefacts is None else outcome.artefacts.weights
        return outcome

    def rows(self, candidate: Known, arm: str, seed: int) -> Iterator[Row]:
        """Yield every operating point of a candidate.

        Of one that did not come out exactly, the point is still that of the search: its policy, on the
        network of now.
        """
        weights, again = self.of(candidate)
        evaluation, config = candidate.evaluation, self._config
        network = EarlyExitNetwork(
            evaluation.architecture,
            classification(1, 10),
            boosting_coefficient=config.training.boosting_coefficient,
        )
        load_weight_bytes(network, weights)
        samples = ExitSamples.of(
            image_logits(network, self._images),
            self._images.labels,
            evaluation.reach_macs,
        )
        assert evaluation.curve is not None
        assert again.curve is not None
        exact = again.curve.to_dict() == evaluation.curve.to_dict()
        for share in config.budget_fractions:
            index, seen = evaluation.point_index(share), evaluation.metrics(share)
            unseen = outcome_of(evaluation.curve.policies[index], samples)
            yield Row(
                arm, seed, evaluation.key, candidate.seconds, seen["error"], seen["macs"],
                1 - unseen.accuracy, unseen.cost, candidate.trained, exact,
                evaluation.cpu_seconds, again.cpu_seconds,
            )  # fmt: skip


def measure(arm: str, seed: int, images: Samples) -> Iterator[Row]:
    """Yield the operating points of all that ever held the front of one search, or that of its trained."""
    repetition, config = Repetition(arm, seed, images), settings(arm, seed)
    candidates = [candidate for candidate in timeline(arm, seed) if candidate.evaluation.is_done]
    parts = (candidates, [candidate for candidate in candidates if candidate.trained])
    needed = {candidate.seconds: candidate for part in parts for candidate in ever_on_front(part, config)}
    for _, candidate in sorted(needed.items()):
        yield from repetition.rows(candidate, arm, seed)


def attained(points: pd.DataFrame, reference: tuple[float, float], column: str) -> float:
    """Return what choosing by select images attains over all budgets, as a share of the box.

    ``column`` "error": the hypervolume on the select images; "unseen_error": what it is worth.
    """
    worst_error, most_macs = reference
    ordered = points[points.macs < most_macs].sort_values(["macs", "error"], kind="stable")
    ordered = ordered[ordered.error < worst_error]
    if not len(ordered):
        return 0.0
    best = np.minimum.accumulate(ordered.error.to_numpy())
    steps = ordered[np.append(True, best[1:] < best[:-1])]
    widths = np.diff([*steps.macs, most_macs])
    gains = np.maximum(0.0, worst_error - steps[column].to_numpy())
    return float(gains @ widths) / (worst_error * most_macs)


def curve(points: pd.DataFrame, reference: tuple[float, float], column: str, end: float) -> Curve:
    """Return what is attained after each moment at which something joined the front, and at the end.

    Once top-k candidates are trained, at the end, they alone hold the front, as in a search's own.
    """
    attained_by_then = []
    for seconds in sorted(points.seconds.unique()):
        earlier = points[points.seconds <= seconds]
        last = earlier.groupby("key").seconds.transform("max")  # what a top-k candidate was before is no more
        attained_by_then.append(
            (float(seconds), attained(earlier[earlier.seconds == last], reference, column))
        )
    if not points.trained.all():
        attained_by_then.append((end, attained(points[points.trained], reference, column)))
    return attained_by_then


def at(curve: Curve, seconds: float) -> float:
    """Return what was attained by then."""
    return next((value for when, value in reversed(curve) if when <= seconds), 0.0)


def reached(curve: Curve, value: float) -> float | None:
    """Return when a value was first attained."""
    return next((when for when, now in curve if now >= value), None)


def report() -> None:
    """Write table and plot from held_out.csv."""
    rows, points_of_all = pd.read_csv(HERE / "held_out.csv"), pd.read_csv(HERE / "points.csv")
    reference = worst_of(points_of_all)
    ends = points_of_all.groupby(["arm", "seed"]).seconds.max()
    targets = {
        seed: curve(points, reference, "unseen_error", float(ends[REFERENCE, seed]))[-1][1]
        for seed, points in rows[rows.arm == REFERENCE].groupby("seed")
    }
    lines = [
        "| arm | seed | core-s | select images | unseen images | that of 340 trainings is reached "
        "| after a share | unseen at a fifth | of it at the end |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    means: dict[str, list[tuple[float, ...]]] = {}
    curves: dict[str, list[tuple[Curve, Curve]]] = {}
    for (seed, arm), points in rows.groupby(["seed", "arm"]):
        end = float(ends[arm, seed])
        chosen, unseen = (curve(points, reference, name, end) for name in ("error", "unseen_error"))
        check(attained(points, reference, "error"), points_of_all, str(arm), int(seed), reference)
        curves.setdefault(str(arm), []).append((chosen, unseen))
        aim, aim_end = targets[seed], float(ends[REFERENCE, seed])
        when = reached(unseen, aim)
        cells = (
            arm, seed, f"{end:.0f}", f"{chosen[-1][1]:.4f}", f"{unseen[-1][1]:.4f}",
            "never" if when is None else f"{when:.0f} core-s",
            "" if when is None else f"{when / aim_end:.2f}",
            f"{at(unseen, SHARE * aim_end):.4f}", f"{aim:.4f}",
        )  # fmt: skip
        lines.append(table_row(cells))
        means.setdefault(str(arm), []).append(
            (chosen[-1][1], unseen[-1][1], at(unseen, SHARE * aim_end), end)
        )
    draw(curves)
    lines += [
        "",
        "| arm | seeds | core-s | select images | unseen images | lowest, highest | unseen at a fifth |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for arm, values in sorted(means.items(), key=lambda item: -float(np.mean([row[1] for row in item[1]]))):
        seen, unseen_ends, early, seconds = map(np.array, zip(*values, strict=True))
        cells = (
            arm, len(values), f"{seconds.min():.0f} to {seconds.max():.0f}", f"{seen.mean():.3f}",
            f"{unseen_ends.mean():.3f}", f"{unseen_ends.min():.3f}, {unseen_ends.max():.3f}",
            f"{early.mean():.3f}",
        )  # fmt: skip
        lines.append(table_row(cells))
    repeated = rows.drop_duplicates(["arm", "seed", "seconds"])
    drift = repeated[repeated.trained & (repeated.again_seconds != repeated.cpu_seconds)]
    slower = np.median(drift.again_seconds / drift.cpu_seconds)
    lines += [
        "",
        f"{len(repeated)} candidates held a front; {int(repeated.exact.sum())} of them came out exactly as "
        f"in their search. A training took {slower:.2f} times as long as then (median).",
    ]
    (HERE / "held_out.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def draw(curves: dict[str, list[tuple[Curve, Curve]]]) -> None:
    """Draw what arms attained on select and on unseen images: each seed, and their mean."""
    figure, axes = plt.subplots(1, 2, figsize=(15, 7), layout="constrained", sharey=True)
    for (arm, pairs), colour in zip(curves.items(), plt.get_cmap("tab10").colors, strict=False):
        for ax, seeds in zip(axes, zip(*pairs, strict=True), strict=True):
            for steps in seeds:
                ax.step(*zip(*steps, strict=True), where="post", color=colour, alpha=0.25)
            began = max(steps[0][0] for steps in seeds)
            moments = sorted({when for steps in seeds for when, _ in steps if when >= began})
            mean = [float(np.mean([at(steps, when) for steps in seeds])) for when in moments]
            ax.step(moments, mean, where="post", color=colour, linewidth=2, label=arm)
    for ax, title in zip(axes, ("select images, which choose", "10,000 unseen images"), strict=True):
        ax.set(xlabel="core-seconds, the supernet's included", title=title)
        ax.set_xscale("log")
        ax.set_xlim(left=20)
        ax.set_ylim(bottom=0.4)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("hypervolume (share of the box)")
    axes[0].legend(fontsize="x-small", loc="lower right", title="means over seeds; pale: each", ncols=2)
    figure.savefig(HERE / "held_out.png", dpi=110)


def check(attained_end: float, points: pd.DataFrame, arm: str, seed: int, worst: tuple[float, float]) -> None:
    """Hold what the front's candidates attain on the select images against the search's hypervolume.

    Raises:
        RunError: A candidate of the front is missing.
    """
    own = points[(points.arm == arm) & (points.seed == seed)]
    whole = hypervolume(own[["error", "macs"]].to_numpy(), worst) / float(np.prod(worst))
    if abs(whole - attained_end) > 1e-4:
        raise RunError(f"{arm}, seed {seed}: its front has {attained_end:.5f}, its search {whole:.5f}")


def main() -> None:
    """Measure what is missing, one seed after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="of the official test images")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--report", action="store_true", help="only write table and plot")
    arguments = parser.parse_args()
    if not arguments.report:
        images = official_test(arguments.folder)
        for seed in arguments.seeds:
            for arm in arguments.arms:
                keep(arm, seed, images)
        files = sorted((RUNS / "held_out").glob("*.csv"))
        rows = pd.concat([pd.read_csv(file) for file in files])
        rows.sort_values(["arm", "seed"], kind="stable").to_csv(HERE / "held_out.csv", index=False)
    report()


def keep(arm: str, seed: int, images: Samples) -> None:
    """Measure a search whose run lies here, unless that is done."""
    file = RUNS / "held_out" / f"{arm}-{seed}.csv"
    if not file.exists() and (run_path(arm, seed) / "core_seconds").exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = pd.DataFrame(measure(arm, seed, images))
        rows.to_csv(file, index=False, float_format="%.6g")
        print(file.name, len(rows), flush=True)


if __name__ == "__main__":
    main()
