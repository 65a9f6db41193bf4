"""What a search has found after how much time: from scratch, inherited, with a surrogate, at random.

    python experiments/search_time/run.py [--seeds 0 1 2] [--arms scratch ...] [--report]

mnist5k.  Time is that of one core: core-seconds of every training and inheritance, those of the supernet
included, so that other work on the machine does not count.  Every arm's candidates count at all their
free operating points.  Inherited subnets count with their inherited accuracies, which they really have; then
the
architectures of the inherited front are trained from scratch, or top-k candidates from what they inherited,
and
counted with what that gives.  The fronts of arms that train, from scratch or top-k candidates, are trained
once more with another seed, in the same way: which is compared with inherited subnets' fronts trained for the
first time.
Continues where it was stopped, and several processes may take a seed each; writes points.csv, results.md and
hypervolume.png.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from aebnas.config import SearchFile, load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step, plan_of
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.settings import candidate_settings, supernet_settings
from aebnas.runs.fronts.pareto import hypervolume, non_dominated
from aebnas.runs.store.store import RunStore
from aebnas.search.session import new_session, resumed_session
from aebnas.supernet.identity import deciding_settings
from aebnas.supernet.preparation import ready_supernet
from aebnas.supernet.storage import load_supernet, supernet_file

HERE = Path(__file__).parent
FILE = "search_spaces/mnist5k.yaml"
RUNS = Path("runs/search_time")
SCRATCH = ["search.max_trainings=60"]
INHERITED = [
    "evaluation.fidelities=[inherited]", "supernet.rule=fair", "supernet.networks=3",
    "search.population=24", "search.generations=20", "search.max_trainings=240",
]  # fmt: skip
SURROGATE = ["search.max_trainings=120", "search.surrogate=auto"]
ADAMW = ["supernet.optimizer=adamw", "constraints.accuracy.min=0.8"]
"""Such inherited subnets are less accurate than trained networks: they are searched below the space's own
limit too."""
FINETUNED = ["search.max_trainings=120", "evaluation.fidelities.0.finetune_epochs=1"]
TOP_CANDIDATES = ["evaluation.fidelities=[inherited, {trained: 9, keep: 24}]"]
CALMER = ["supernet.learning_rate=0.2"]
"""A third of the default; chosen over it by searches with seeds 7 and 8, which are not reported."""
LONGER = ["evaluation.fidelities=[inherited, {trained: 27, keep: 20}]", "training.epochs=27"]
"""Fewer top-k candidates, trained three times as long; chosen by searches with seeds 7, 8 and 9."""
FIFTH = ["evaluation.fidelities=[inherited, {trained: 27, keep: 14}]", "training.epochs=27"]
"""As many as end within about a fifth of the time of 340 trainings."""
WITHIN = ["evaluation.fidelities=[inherited, {trained: 27, keep: 10}]", "training.epochs=27"]
"""As many as surely do."""
QUICK = [
    "supernet.branches=2", "supernet.epochs=12", "training.epochs=27",
    "evaluation.fidelities=[inherited, {trained: 27, keep: 16}]",
]  # fmt: skip
"""A third of the supernet's time; its top-k candidates of seed 7 were as accurate (2.7% errors in the
mean)."""
HALVING = [
    "evaluation.fidelities=[{trained: 3}, {trained: 9, keep: 1/3}, {trained: 27, keep: 1/3}]",
    "training.epochs=27",
    "search.population=24", "search.generations=100",
]  # fmt: skip
"""3, 9 and 27 epochs; one in three goes on. ``max_trainings`` counts whole trainings, of 27 epochs."""
ARMS = {
    "scratch": SCRATCH,
    "supernet": INHERITED,
    "supernet + surrogate": [*INHERITED, *SURROGATE],
    "AdamW supernet": [*INHERITED, *ADAMW],
    "AdamW supernet + surrogate": [*INHERITED, *ADAMW, *SURROGATE],
    "AdamW supernet, fine-tuned": [*INHERITED, *ADAMW, *FINETUNED],
    "supernet, top-k candidates": [*INHERITED, *TOP_CANDIDATES],
    "calmer supernet, top-k candidates": [*INHERITED, *CALMER, *TOP_CANDIDATES],
    "calmer supernet, top-k candidates of 27 epochs": [*INHERITED, *CALMER, *LONGER],
    "calmer supernet, 14 top-k candidates of 27 epochs": [*INHERITED, *CALMER, *FIFTH],
    "calmer supernet, 10 top-k candidates of 27 epochs": [*INHERITED, *CALMER, *WITHIN],
    "quick supernet, top-k candidates of 27 epochs": [*INHERITED, *CALMER, *QUICK],
    "random": ["search.algorithm=random", *SCRATCH],
    "random, 14 trainings of 27 epochs": [
        "search.algorithm=random",
        "search.population=14",
        "search.max_trainings=14",
        "training.epochs=27",
    ],
    "scratch, 340 trainings": ["search.population=20", "search.generations=100", "search.max_trainings=340"],
    "scratch, 113 trainings of 27 epochs": [
        "search.population=20",
        "search.generations=100",
        "search.max_trainings=113",
        "training.epochs=27",
    ],
    "halving, 540 epochs": [*HALVING, "search.max_trainings=20"],
    "halving, 3,051 epochs": [*HALVING, "search.max_trainings=113"],
}
ENDS = ("scratch", "scratch, 340 trainings")
"""Searches whose last hypervolume the others are held against."""
ANEW, ANOTHER_SEED = ", anew", 1000
"""Of the front of an arm that trains networks, trained once more."""
ALLOWED_ERROR = 0.1
"""The constraint of the space: the reference of the hypervolume."""


class Known(NamedTuple):
    """What was known of a candidate after so many core-seconds."""

    seconds: float
    evaluation: Evaluation
    trained: bool
    """Not an inherited subnet."""
    weights: bytes | None = None
    """Where it was trained just now."""


class Point(NamedTuple):
    """One operating point, and the core-seconds after which it was known."""

    arm: str
    seed: int
    seconds: float
    error: float
    macs: float
    trained: bool
    """From scratch."""


def settings(arm: str, seed: int) -> SearchFile:
    """Return the configuration of one search."""
    return load(FILE, [*ARMS[arm], f"search.seed={seed}", f"supernet.seed={seed}", "workers.mode=serial"])


def supernet_seconds(config: SearchFile) -> tuple[Path, float]:
    """Train the supernet of a configuration, unless it is there; return its file and its core-seconds."""
    text = json.dumps(deciding_settings(supernet_settings(config)), sort_keys=True)
    folder = RUNS / f"weights-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    note = folder / "core_seconds"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        began = time.process_time()
        splits = make_splits(load_dataset(config.data), config.data)
        ready = ready_supernet(supernet_settings(config), splits, folder, lambda progress: None)
        assert ready.origin == "trained", "half a training cannot be timed: remove its folder"
        note.write_text(str(time.process_time() - began))
    return supernet_file(folder), float(note.read_text())


def run_path(arm: str, seed: int) -> Path:
    """Return the directory of one search."""
    return RUNS / f"{arm.replace(' + ', '-')}-{seed}"


def table_row(cells: Iterable[object]) -> str:
    """Return a row of a table in Markdown."""
    return "| " + " | ".join(map(str, cells)) + " |"


def trains(config: SearchFile) -> bool:
    """Return whether a search ends with networks that were trained, not with inherited subnets."""
    return plan_of(config).fidelities[-1].trains


def searched(arm: str, seed: int, overrides: list[str]) -> tuple[Path, float]:
    """Return the directory of a finished run, and the core-seconds of all but its evaluations."""
    path = run_path(arm, seed)
    note = path / "core_seconds"
    if not note.exists():
        config = load(FILE, [*ARMS[arm], *overrides, f"search.seed={seed}", "workers.mode=serial"])
        began = time.process_time()
        session = resumed_session(path) if (path / "run.sqlite").exists() else new_session(config, path)
        with session as search:
            for generation in search.run():
                print(path.name, generation.trainings, f"{generation.hypervolume:.5f}", flush=True)
        own = time.process_time() - began - sum(evaluation.cpu_seconds for evaluation, _ in output(path))
        note.write_text(str(max(0.0, own)))
    return path, float(note.read_text())


def points_of(evaluation: Evaluation, config: SearchFile) -> list[tuple[float, float]]:
    """Return error and expected MACs at every free operating point."""
    if evaluation.curve is None:
        return []
    metrics = [evaluation.metrics(share) for share in config.budget_fractions]
    return [(point["error"], point["macs"]) for point in metrics]


def timeline(arm: str, seed: int) -> Iterator[Known]:
    """Search, and yield every candidate with the time at which it was known."""
    config, clock, overrides = settings(arm, seed), 0.0, []
    if plan_of(config).inherits:
        file, clock = supernet_seconds(config)
        overrides = [f"supernet.file={file}"]
    path, own = searched(arm, seed, [*overrides, f"supernet.seed={seed}"])
    evaluated = output(path)
    each = own / max(1, len(evaluated))  # the search's own work, spread evenly
    for evaluation, trained in evaluated:
        clock += evaluation.cpu_seconds + each
        yield Known(clock, evaluation, trained)
    if not trains(config):
        chosen = front_of(
            [evaluation for evaluation, _ in evaluated], config, config.constraints["accuracy"].min or 0
        )
        yield from _trained(chosen, clock, seed, config.training.epochs)


def run_arm(arm: str, seed: int) -> Iterator[Point]:
    """Search, and yield every operating point with the time at which it was known."""
    yield from _points(arm, seed, timeline(arm, seed))


def anew(arm: str, seed: int) -> Iterator[Point]:
    """Train the front of an arm that trains networks once more, with another seed, in the same way.

    What a search chose among noisy accuracies looks better than it is; what is trained for the first time
    behind the choice, as the fronts of inherited subnets are, does not.
    """
    config, supernet = settings(arm, seed), None
    if plan_of(config).inherits:
        supernet, _ = supernet_seconds(config)
    path, _ = searched(arm, seed, [])
    chosen = front_of(
        [evaluation for evaluation, trained in output(path) if trained], config, lowest_accuracy=0
    )
    yield from _points(arm + ANEW, seed, _trained(chosen, 0.0, seed + ANOTHER_SEED, None, supernet))


def _points(arm: str, seed: int, candidates: Iterable[Known]) -> Iterator[Point]:
    config = settings(arm.removesuffix(ANEW), seed)
    for candidate in candidates:
        for point in points_of(candidate.evaluation, config):
            yield Point(arm, seed, candidate.seconds, *point, trained=candidate.trained)


def output(path: Path) -> list[tuple[Evaluation, bool]]:
    """Return what a run has evaluated as it came, with its own time, and whether it is a trained network.

    Of a candidate that got to several fidelities, what it was at each of them.
    """
    store = RunStore(path)
    plan = plan_of(store.config)
    rows = zip(store.filed(), store.finished(), strict=True)
    timed = sorted(((at, evaluation) for evaluation, (_, at) in rows), key=lambda row: row[0])
    store.close()
    return [(evaluation, plan.named(evaluation.fidelity).trains) for _, evaluation in timed]


def front_of(evaluations: list[Evaluation], config: SearchFile, lowest_accuracy: float) -> list[Evaluation]:
    """Return the candidates that hold the front of all points that are accurate enough."""
    points = [(evaluation, point) for evaluation in evaluations for point in points_of(evaluation, config)]
    points = [(evaluation, point) for evaluation, point in points if point[0] <= 1 - lowest_accuracy]
    if not points:
        return []
    kept = non_dominated(np.array([point for _, point in points]))
    return list(
        {
            evaluation.key: evaluation for (evaluation, _), keep in zip(points, kept, strict=True) if keep
        }.values()
    )


def _trained(
    chosen: list[Evaluation], clock: float, seed: int, epochs: int | None, supernet: Path | None = None
) -> Iterator[Known]:
    """Train architectures from scratch, as the scratch arms do, or from a supernet, as top-k candidates are.

    ``epochs`` None: as many as each was trained.
    """
    splits, shared = None, {} if supernet is None else {"inherited": load_supernet(supernet).arrays()}
    for evaluation in chosen:
        length = epochs or evaluation.epochs or 9
        plan = (
            f"[{{trained: {length}}}]" if supernet is None else f"[inherited, {{trained: {length}, keep: 1}}]"
        )
        config = load(FILE, [f"search.seed={seed}", f"evaluation.fidelities={plan}"])
        splits = splits or make_splits(load_dataset(config.data), config.data)
        evaluator = Evaluator(candidate_settings(config), splits, shared=shared)
        outcome = evaluator.evaluate(evaluation.architecture, Step(len(evaluator.plan.fidelities) - 1))
        clock += outcome.evaluation.cpu_seconds
        weights = None if outcome.artefacts is None else outcome.artefacts.weights
        yield Known(clock, outcome.evaluation, True, weights)


def volumes(points: pd.DataFrame, reference: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the hypervolume, as a share of the box, after each moment at which it rose."""
    volumes_by_then, best = [(0.0, 0.0)], 0.0
    values: list[tuple[float, float]] = []
    for seconds, group in points.groupby("seconds", sort=True):
        values += [(row.error, row.macs) for row in group.itertuples()]
        now = hypervolume(np.array(values), reference) / float(np.prod(reference))
        if now > best:
            best = now
            volumes_by_then.append((float(seconds), now))  # type: ignore[arg-type]
    return volumes_by_then


def worst_of(points: pd.DataFrame) -> tuple[float, float]:
    """Return the corner of the box that hypervolumes are shares of: error and MACs."""
    return ALLOWED_ERROR, float(points[points.error < ALLOWED_ERROR].macs.max())


def report() -> None:
    """Write the table and the plot from points.csv."""
    points = pd.read_csv(HERE / "points.csv")
    reference = worst_of(points)
    figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
    lines = [
        "| arm | seed | core-s | hypervolume | scratch by then | as inherited | scratch's end is reached "
        "| that of 340 trainings | front trained anew |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows_of_arms: dict[str, list[tuple[float, float, float]]] = {}
    colours = dict(zip(ARMS, plt.get_cmap("tab20").colors, strict=False))
    for seed in sorted(points[points.arm == "scratch"].seed.unique()):
        of = {arm: points[(points.arm == arm) & (points.seed == seed)] for arm in ARMS}
        curves = {arm: volumes(rows, reference) for arm, rows in of.items() if len(rows)}
        ends = [curves[name][-1][1] if name in curves else math.inf for name in ENDS]
        for arm, curve in curves.items():
            x, y = zip(*curve, (of[arm].seconds.max(), curve[-1][1]), strict=True)
            label = arm if seed == points.seed.min() else None
            axes.step(x, y, where="post", color=colours[arm], alpha=0.8, label=label)
            subnets = of[arm][~of[arm].trained]
            inherited = f"{volumes(subnets, reference)[-1][1]:.4f}" if len(subnets) else ""
            reached = [
                next((f"{seconds:.0f} core-s" for seconds, volume in curve if volume >= end), "never")
                if end < math.inf
                else ""
                for end in ends
            ]
            end = of[arm].seconds.max()
            by_then = max(volume for seconds, volume in curves["scratch"] if seconds <= end)
            again = points[(points.arm == arm + ANEW) & (points.seed == seed)]
            again = again if len(again) else of[arm][of[arm].trained & (len(subnets) > 0)]
            front = f"{volumes(again, reference)[-1][1]:.4f}" if len(again) else ""
            cells = (
                arm,
                seed,
                f"{end:.0f}",
                f"{curve[-1][1]:.4f}",
                f"{by_then:.4f}",
                inherited,
                *reached,
                front,
            )
            lines.append(table_row(cells))
            rows_of_arms.setdefault(arm, []).append((end, curve[-1][1], volumes(again, reference)[-1][1]))
    axes.set(xlabel="core-seconds, the supernet's included", ylabel="hypervolume (share of the box)")
    axes.set_xscale("log")
    axes.set_xlim(left=20)
    axes.set_ylim(bottom=0.5)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small", loc="lower right", ncols=2)
    figure.savefig(HERE / "hypervolume.png", dpi=120)
    lines += ["", *_means(rows_of_arms)]
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def _means(rows_of_arms: dict[str, list[tuple[float, float, float]]]) -> list[str]:
    """Return a table of the means over seeds, by arm: core-seconds, hypervolume, and trained anew."""
    lines = [
        "| arm | seeds | core-s | hypervolume | trained anew: mean | lowest, highest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for arm, rows in sorted(
        rows_of_arms.items(), key=lambda item: -float(np.mean([row[1] for row in item[1]]))
    ):
        seconds, volume, anew = map(np.array, zip(*rows, strict=True))
        cells = (
            arm,
            len(rows),
            f"{seconds.min():.0f} to {seconds.max():.0f}",
            f"{volume.mean():.3f}",
            f"{anew.mean():.3f}",
            f"{anew.min():.3f}, {anew.max():.3f}",
        )
        lines.append(table_row(cells))
    return lines


def keep(arm: str, seed: int, run: Callable[[str, int], Iterator[Point]], suffix: str = "") -> None:
    """Run what is not known yet, and keep its points."""
    file = RUNS / "points" / f"{arm}{suffix}-{seed}.csv"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(run(arm, seed)).to_csv(file, index=False, float_format="%.6g")


def main() -> None:
    """Run what is missing, one seed after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--report", action="store_true", help="only write table and plot")
    arguments = parser.parse_args()
    for seed in [] if arguments.report else arguments.seeds:
        for arm in arguments.arms:
            keep(arm, seed, run_arm)
            if trains(settings(arm, seed)):
                keep(arm, seed, anew, ANEW)
    tables = [pd.read_csv(file) for file in sorted((RUNS / "points").glob("*.csv"))]
    if tables:
        points = pd.concat([*tables, _kept(pd.concat(tables))]).sort_values(["arm", "seed"], kind="stable")
        points.to_csv(HERE / "points.csv", index=False)
    report()


def _kept(fresh: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of points.csv of known arms and seeds that were not run here: of earlier sessions."""
    try:
        kept = pd.read_csv(HERE / "points.csv")
    except FileNotFoundError:
        return fresh[:0]
    kept = kept[kept.arm.str.removesuffix(ANEW).isin(ARMS)]
    here = pd.MultiIndex.from_frame(fresh[["arm", "seed"]])
    return kept[~pd.MultiIndex.from_frame(kept[["arm", "seed"]]).isin(here)]


if __name__ == "__main__":
    main()
