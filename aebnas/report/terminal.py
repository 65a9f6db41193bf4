"""The front as a table for the terminal.

Must not import torch; rich is imported when a table is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from aebnas.report.contents import OperatingPoint, RunContents, read_run
from aebnas.report.facts import miss_words
from aebnas.report.training_words import weights_words
from aebnas.report.words import count, interval, percent, si
from aebnas.search.store import RunStore

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("accuracy", "(95%)", "MACs", "share", "worst", "params", "exits %", "key")
"""Narrow enough for 80 characters with four exits."""


def front_table(store: RunStore, max_rows: int = 20) -> Table:
    """Return the front of a run by rising expected cost.

    Args:
        store: The run, finished or not.
        max_rows: A longer front is thinned evenly; the cheapest and the most accurate stay.

    Raises:
        ConfigError, RunError: The run's directory is damaged.
    """
    return contents_table(read_run(store), max_rows)


def contents_table(run: RunContents, max_rows: int = 20) -> Table:
    """Return the front of a run that was read already; as ``front_table``."""
    from rich import box
    from rich.table import Table

    shown = thinned(run.front, max_rows)
    table = Table(box=box.SIMPLE_HEAD, caption_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    devices = device_columns(run)
    halves = run.config.trains_unevenly
    heads = (*COLUMNS[:-1], *(["epochs"] if halves else []), COLUMNS[-1])
    for name in (*heads[:3], *devices.values(), *heads[3:]):
        table.add_column(name, justify="left" if name in ("exits %", "key") else "right", no_wrap=True)
    for point in shown:
        cells = _cells(point, run.select_images, devices)
        if halves:
            cells.insert(-1, str(point.evaluation.epochs))
        table.add_row(*cells)
    table.caption = miss_words(run) or _caption(run, len(shown))
    return table


def thinned(points: Sequence[OperatingPoint], limit: int) -> list[OperatingPoint]:
    """Return at most ``limit`` points, spread evenly; the first and the last stay."""
    if len(points) <= limit or limit < 2:
        return list(points[:limit])
    return [points[round(i * (len(points) - 1) / (limit - 1))] for i in range(limit)]


def device_columns(run: RunContents) -> dict[str, str]:
    """Return the head of each expected latency and energy, by metric: short with a single profile."""
    names = [name for point in run.front[:1] for name in point.metrics if "@" in name]
    names = [name for name in names if not name.startswith("worst_")]
    is_single = len(run.config.profiles) == 1
    return {
        name: (name.partition("@")[0] if is_single else name)
        .replace("latency_ms", "ms")
        .replace("energy_mj", "mJ")
        for name in names
    }


def _cells(point: OperatingPoint, images: int | None, devices: Iterable[str]) -> list[str]:
    leaves = "/".join(f"{rate * 100:.0f}" for rate in point.exit_rates)
    return [
        percent(point.accuracy, 2),
        interval(point.accuracy, images),
        si(point.metrics["macs"]),
        *(f"{point.metrics[name]:.3g}" for name in devices),
        percent(point.cost_share, 0),
        si(point.metrics["worst_macs"]),
        si(point.metrics["params"]),
        leaves,
        point.key,
    ]


def _caption(run: RunContents, shown: int) -> str:
    points, images = len(run.front), run.select_images
    if not points:
        why = "no candidate satisfies all constraints" if run.done else "no candidate has finished"
        return f"The front is empty: {why}."
    size = f"{count(points, 'point')} of {count(len(run.front_keys), 'architecture')}"
    some = f"{shown} of {size}; all of them: pareto.csv. " if shown < points else f"{size}. "
    on = f"{images:,} select images" if images else "the select split"
    return (
        f"{some}MACs: expected per image; share: of the full cost; exits: share of images "
        f"that leave at each. Scored on {on}, the best of {_all(run)}; test data were not read."
    )


def _all(run: RunContents) -> str:
    """Return how many candidates the front was chosen from, heirs told from trained ones."""
    if not run.inherits:
        return count(len(run.done), "trained network")
    return f"{count(len(run.done), 'candidate')} ({weights_words(run.config, run.done)})"
