"""The front as a table for the terminal.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from aebnas.report.text.notes import format_miss
from aebnas.report.text.training_formatting import format_weights
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import count, format_epochs, further_metrics, interval, metric_value, percent, si
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.task.metrics.table import EVERYWHERE, metric_of
from aebnas.terminal.tables import FittedColumn, FittedTable

Row = TypeVar("Row")
LEAST_FIRST = ("(95%)", "params", "worst", "share", "exits %", "epochs")
"""The columns that a narrow terminal does without, in this order; 80 characters show four exits in full."""
LEGEND = {
    "MACs": "MACs: expected per image",
    "share": "share: of the full cost",
    "exits %": "exits: share of images that leave at each",
}


def front_table(store: RunStore, max_rows: int = 20, width: int | None = None) -> FittedTable:
    """Return the front of a run by rising expected cost, to be printed by a rich console.

    Args:
        store: The run, finished or not.
        max_rows: A longer front is thinned evenly; the cheapest and the most accurate stay.
        width: At most, whatever the console's; the table does without whole columns rather than cut a
            number or a key.

    Raises:
        ConfigError, RunError: The run's directory is damaged.
    """
    return contents_table(read_run(store), max_rows, width)


def contents_table(run: RunContents, max_rows: int = 20, width: int | None = None) -> FittedTable:
    """Return the front of a run that was read already; as ``front_table``."""
    shown, further = thinned(run.front, max_rows), further_columns(run)
    columns = _columns(run, shown, further)
    return FittedTable(
        [FittedColumn(head, tuple(cells), head in ("exits %", "key")) for head, cells in columns.items()],
        caption=format_miss(run) or _caption(run, len(shown)),
        least_first=(*LEAST_FIRST, *reversed(further.values()), "MACs"),
        legend=LEGEND if run.front else {},
        breaks_heads=False,
        width=width,
    )


def thinned(points: Sequence[Row], limit: int) -> list[Row]:
    """Return at most ``limit`` points, spread evenly; the first and the last stay."""
    if len(points) <= limit or limit < 2:
        return list(points[:limit])
    return [points[round(i * (len(points) - 1) / (limit - 1))] for i in range(limit)]


def further_columns(run: RunContents) -> dict[str, str]:
    """Return the head of each metric that not every run has: of a device its unit, short with one profile."""
    names = further_metrics((name for point in run.front[:1] for name in point.metrics), EVERYWHERE)
    names = [name for name in names if "@" not in name or not metric_of(name).is_exact]
    return {name: _head(name, len(run.config.profiles) == 1) for name in names}


def _head(name: str, is_single: bool) -> str:
    base, at, profile = name.partition("@")
    if not at:
        return metric_of(name).word
    unit = metric_of(name).unit or base
    return unit if is_single else f"{unit}@{profile}"


def _columns(
    run: RunContents, points: Sequence[OperatingPoint], further: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the cells of every column by its head."""
    columns = {
        "accuracy": [percent(point.accuracy, 2) for point in points],
        "(95%)": [interval(point.accuracy, run.select_images) for point in points],
        "MACs": [si(point.metrics["macs"]) for point in points],
    }
    for name, head in further.items():
        columns[head] = [_cell(name, point.metrics[name]) for point in points]
    columns["share"] = [percent(point.cost_share, 0) for point in points]
    columns["worst"] = [si(point.metrics["worst_macs"]) for point in points]
    columns["params"] = [si(point.metrics["params"]) for point in points]
    columns["exits %"] = ["/".join(f"{rate * 100:.0f}" for rate in point.exit_rates) for point in points]
    if run.plan.is_uneven:
        columns["epochs"] = [format_epochs(point.evaluation.epochs) for point in points]
    columns["key"] = [point.key for point in points]
    return columns


def _cell(name: str, value: float) -> str:
    """Return a value, without the unit that the head names."""
    return f"{value:.3g}" if metric_of(name).unit else metric_value(name, value)


def _caption(run: RunContents, shown: int) -> str:
    points, images = len(run.front), run.select_images
    if not points:
        why = "no candidate satisfies all constraints" if run.done else "no candidate has finished"
        return f"The front is empty: {why}."
    size = f"{count(points, 'point')} of {count(len(run.front_keys), 'architecture')}"
    some = f"{shown} of {size}; all of them: pareto.csv." if shown < points else f"{size}."
    on = f"{images:,} select images" if images else "the select split"
    return f"{some} Scored on {on}, the best of {_all(run)}; test data were not read."


def _all(run: RunContents) -> str:
    """Return how many candidates the front was chosen from, inherited subnets told from trained ones."""
    if run.is_front_of_finals:
        top_candidates = sum(run.can_be_on_front(evaluation) for evaluation in run.done)
        others = count(len(run.done) - top_candidates, run.plan.fidelities[0].options.others)
        return f"{count(top_candidates, 'top-k candidate')}, {others} left out"
    if run.plan.are_trainings:
        return count(len(run.done), "trained network")
    return f"{count(len(run.done), 'candidate')} ({format_weights(run.plan, run.done)})"
