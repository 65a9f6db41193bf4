"""The main plots as SVG and PNG for papers: fronts, operating curves, hypervolume.

matplotlib is imported when figures are drawn.  Must not import torch.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aebnas.config.sections.constraints import full_name
from aebnas.errors import RunError
from aebnas.files.atomic import write_atomically
from aebnas.runs.contents import RunContents, best_first, full_trainings
from aebnas.runs.formatting import metric_heading
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.intervals import wilson_interval
from aebnas.runs.reading import read_runs
from aebnas.runs.static.curve import StaticCurve
from aebnas.runs.static.gain import static_comparison
from aebnas.runs.store.store import RunStore
from aebnas.task.metrics.table import metric_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2457c5", "#d9660b", "#0b8a6c", "#8d44b8", "#c2306b", "#75700a")
STATIC_COLOUR = "#d9660b"
MARKERS = ("o", "D", "s", "^", "v", "P")
SIZE_INCHES = (4.8, 3.2)
PIXELS_PER_INCH = 300
LOG_RATIO = 12
"""Largest over smallest cost beyond which a cost axis is logarithmic."""
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e6ec",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "aebnas",
}
"""The salt makes the same run give the same file."""


def write_figures(stores: Sequence[RunStore], folder: Path) -> list[Path]:
    """Write ``front-METRIC``, ``curves-METRIC`` and ``hypervolume``, each as ``.svg`` and ``.png``.

    What a run does not have is left out: a run without a finished candidate gives no figure.  The front of a
    single run stands beside what its candidates are without early exits.

    Args:
        stores: Runs, drawn over each other in colours and markers of their own.
        folder: Made where it is missing; files of these names are replaced.

    Raises:
        ConfigError, RunError: A run's directory is damaged, or a file cannot be written.
    """
    import matplotlib as mpl

    runs = read_runs(stores)
    comparison = static_comparison(runs[0], stores[0]) if len(runs) == 1 else None
    static, paths = None if comparison is None else comparison.curve, []
    with mpl.rc_context(STYLE):
        for name, figure in _figures(runs, static):
            paths += [_saved(figure, folder / f"{name}.{kind}") for kind in ("svg", "png")]
    return paths


def _figures(runs: Sequence[RunContents], static: StaticCurve | None) -> list[tuple[str, Figure]]:
    trained = [run for run in runs if run.points]
    figures = [
        (f"front-{cost}", _front([run for run in trained if run.has(cost)], cost, static))
        for cost in dict.fromkeys(name for run in trained for name in _costs(run))
    ]
    figures += [
        (f"curves-{cost}", _curves([run for run in trained if _curve_cost(run) == cost], cost))
        for cost in dict.fromkeys(_curve_cost(run) for run in trained)
    ]
    if any(run.generations for run in runs):
        figures.append(("hypervolume", _hypervolume(runs)))
    return figures


def _costs(run: RunContents) -> list[str]:
    """Return the objectives that are no shares, expected MACs where there is none."""
    return [name for name in run.objectives if not metric_of(name).is_share] or ["macs"]


def _curve_cost(run: RunContents) -> str:
    return full_name(run.config.cost_metric, run.config.profiles)


def _front(runs: Sequence[RunContents], cost: str, static: StaticCurve | None) -> Figure:
    figure, axes = _canvas(cost, [p.metrics[cost] for run in runs for p in run.points])
    for i, run in enumerate(runs):
        _cloud(axes, run, cost, i, len(runs) > 1)
        _front_points(axes, run, cost, i, len(runs) > 1)
        _limits(axes, run, cost)
    if static is not None and static.metric == cost:
        x, y = zip(*((corner.costs[cost], corner.accuracy) for corner in static.corners), strict=True)
        axes.plot(x, y, "--", marker="x", ms=4, lw=0.9, color=STATIC_COLOUR, label="without early exits")
    _focus(axes, runs)
    axes.legend(loc="lower right")
    return figure


def _cloud(axes: Axes, run: RunContents, cost: str, i: int, several: bool) -> None:
    on_front = {id(point) for point in run.front}
    colour = COLOURS[i % len(COLOURS)] if several else "#98a1b2"
    for is_feasible, marker, label in ((True, ".", "other operating points"), (False, "x", "infeasible")):
        points = [p for p in run.points if p.is_feasible == is_feasible and id(p) not in on_front]
        if points:
            x, y = _coordinates(points, cost)
            axes.plot(x, y, marker, ms=4, mew=0.8, alpha=0.5, color=colour, label=None if several else label)


def _front_points(axes: Axes, run: RunContents, cost: str, i: int, several: bool) -> None:
    if not run.front:
        return
    points = sorted(run.front, key=lambda point: (point.metrics[cost], point.accuracy))
    x, y = _coordinates(points, cost)
    colour = COLOURS[i % len(COLOURS)]
    if set(run.objectives) == {"error", cost}:
        axes.step(x, y, where="post", color=colour, lw=1.2)
    label = run.label if several else "front"
    axes.plot(x, y, MARKERS[i % len(MARKERS)], ms=5, color=colour, mec="white", mew=0.6, label=label)
    if run.select_images is not None and not several:
        bounds = [wilson_interval(value, run.select_images) for value in y]
        axes.vlines(x, [low for low, _ in bounds], [high for _, high in bounds], colors=colour, lw=0.6)


def _coordinates(points: Sequence[OperatingPoint], cost: str) -> tuple[list[float], list[float]]:
    return [point.metrics[cost] for point in points], [point.accuracy for point in points]


def _limits(axes: Axes, run: RunContents, cost: str) -> None:
    """Draw the constraints that these axes show."""
    for name, bound in run.config.constraints.items():
        metric = full_name(name, run.config.profiles)
        for value in (bound.min, bound.max):
            if value is not None and metric == cost:
                axes.axvline(value, color="#c0392b", ls="--", lw=0.8)
            elif value is not None and metric in ("accuracy", "error"):
                axes.axhline(value if metric == "accuracy" else 1 - value, color="#c0392b", ls="--", lw=0.8)


def _focus(axes: Axes, runs: Sequence[RunContents]) -> None:
    """Leave the weakest quarter of the points below the frame: the front is what matters."""
    accuracies = sorted(point.accuracy for run in runs for point in run.points)
    front = [point.accuracy for run in runs for point in run.front]
    low = min([accuracies[len(accuracies) // 4], *front])
    axes.set_ylim(bottom=low - 0.08 * (accuracies[-1] - low) - 1e-3, top=min(1.0, axes.get_ylim()[1]))


def _curves(runs: Sequence[RunContents], cost: str) -> Figure:
    figure, axes = _canvas(cost, [p.metrics[cost] for run in runs for p in run.points])
    for i, run in enumerate(runs):
        members = set(run.front_keys)
        for evaluation in reversed(list(best_first(run, run.config.report.max_candidates))):
            if evaluation.curve is not None:
                own = evaluation.key in members
                colour = COLOURS[i % len(COLOURS)] if own or len(runs) > 1 else "#98a1b2"
                width, alpha = (1.2, 0.9) if own else (0.5, 0.35)
                x, y = evaluation.curve.select_cost, evaluation.curve.select_accuracy
                axes.plot(x, y, color=colour, lw=width, alpha=alpha)
        axes.plot([], [], color=COLOURS[i % len(COLOURS)], label=f"{run.label}: networks of the front")
    _focus(axes, runs)
    axes.legend(loc="lower right")
    return figure


def _hypervolume(runs: Sequence[RunContents]) -> Figure:
    what = "Candidates" if any(not run.plan.are_trainings for run in runs) else "Trainings"
    figure, axes = _plain(what, "Hypervolume")
    for i, run in enumerate(runs):
        x = [full_trainings(generation) for generation in run.generations]
        y = [generation["hypervolume"] for generation in run.generations]
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        axes.plot(x, y, drawstyle="steps-post", label=run.label, color=colour, marker=marker, ms=4, lw=1.2)
    axes.set_xlim(left=0)
    if len(runs) > 1:
        axes.legend(loc="lower right")
    return figure


def _canvas(cost: str, values: Sequence[float]) -> tuple[Figure, Axes]:
    """Return a figure of accuracy over a cost, logarithmic where the costs spread widely."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, PercentFormatter

    unit = metric_of(cost).unit
    figure, axes = _plain(metric_heading(cost) + (f" ({unit})" if unit else ""), "Accuracy on select")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    if min(values) > 0 and max(values) > LOG_RATIO * min(values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
    if unit is None:
        axes.xaxis.set_major_formatter(EngFormatter())
    return figure, axes


def _plain(x_title: str, y_title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_title)
    return figure, axes


def _saved(figure: Figure, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # without a date the same run gives the same bytes
        metadata = {"Date": None} if path.suffix == ".svg" else None
        image = io.BytesIO()
        figure.savefig(image, format=path.suffix[1:], dpi=PIXELS_PER_INCH, metadata=metadata)
        write_atomically(path, image.getvalue())
    except OSError as error:
        raise RunError(
            f"cannot write {path}: {error.strerror or error}. Name another folder: --figures DIR"
        ) from error
    return path
