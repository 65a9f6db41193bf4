"""``pareto.csv``: one row per point of the front, for spreadsheets and notebooks.

Must not import torch; pandas is imported when a table is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import FINAL, exit_names, further_metrics
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.runs.intervals import wilson_interval
from aebnas.task.metrics.table import EVERYWHERE

FIXED = ("run", "key", "budget_fraction", "exit_policy")
"""First columns; metrics, those of exit positions, ``policy`` (JSON), ``architecture``, ``winner`` follow."""
BEHIND = {"accuracy": ("accuracy_low_95", "accuracy_high_95"), "macs": ("macs_share",)}
"""Columns behind those of some metrics."""
_PER_EXIT = ("threshold", "exit_rate", "exit_accuracy", "reach_macs")


def front_csv(runs: Sequence[RunContents], winner_files: Mapping[tuple[str, str], str]) -> str:
    """Return the fronts as CSV, by run and rising expected MACs.

    Args:
        runs: Whose fronts to list.
        winner_files: The winner's path, relative to the table, by run label and key.
    """
    import pandas

    columns = [*FIXED, *_metric_columns(runs), *_exit_columns(runs), "policy", "architecture", "winner"]
    rows = [
        {**_row(run, point), "winner": winner_files.get((run.label, point.key), "")}
        for run in runs
        for point in run.front
    ]
    table: str = pandas.DataFrame(rows, columns=columns).to_csv(index=False)
    return table


def _metric_columns(runs: Sequence[RunContents]) -> list[str]:
    """Return the metrics that every run has, then those of some; metrics of devices by their full names."""
    measured = [column for name in EVERYWHERE for column in (name, *BEHIND.get(name, ()))]
    names = dict.fromkeys(name for run in runs for point in run.front for name in point.metrics)
    return [*measured, "exits", "epochs", *further_metrics(names, measured)]


def _exit_columns(runs: Sequence[RunContents]) -> list[str]:
    """Return the columns of the exit positions in their order, the final classifier last."""
    places = dict.fromkeys(name for run in runs for name in run.space.exit_positions)
    used = {name for run in runs for point in run.front for name in exit_names(point.evaluation.architecture)}
    names = dict.fromkeys((*places, *sorted(used - {FINAL}), FINAL))
    positions = [name for name in names if name in used]
    return [
        f"{kind}[{name}]"
        for kind in _PER_EXIT
        for name in positions
        if (kind, name) != ("threshold", FINAL)  # it takes whatever is left
    ]


def _row(run: RunContents, point: OperatingPoint) -> dict[str, Any]:
    architecture = point.evaluation.architecture
    images = run.select_images
    low, high = (None, None) if images is None else wilson_interval(point.accuracy, images)
    names = exit_names(architecture)
    per_exit = {
        "threshold": point.thresholds or [],
        "exit_rate": point.exit_rates,
        "exit_accuracy": point.curve.exit_accuracy.tolist(),
        "reach_macs": list(point.evaluation.reach_macs),
    }
    return {
        "run": run.label,
        "key": point.key,
        "budget_fraction": point.budget_fraction,
        "exit_policy": point.setting or run.config.exits.only.name,
        "accuracy_low_95": low,
        "accuracy_high_95": high,
        "macs_share": point.cost_share,
        "exits": len(names),
        "epochs": point.evaluation.epochs,
        "policy": json.dumps(dict(point.policy)),
        "architecture": "; ".join(architecture.drawing().lines()),
        **point.metrics,
        **{
            f"{kind}[{name}]": value
            for kind, values in per_exit.items()
            for name, value in zip(names, values, strict=False)
        },
    }


def winner_links(run: RunContents, paths: Sequence[Path], folder: Path) -> dict[tuple[str, str], str]:
    """Return the path of each winner's file relative to ``folder``, by run label and key."""
    return {(run.label, path.stem): path.relative_to(folder).as_posix() for path in paths}
