"""Static networks on the page: the first sentence, a table, and what the figure draws.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aebnas.report.page.packing import short
from aebnas.report.page.tables import Column
from aebnas.report.text.static_text import format_gain
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import interval, metric_heading, metric_value, percent
from aebnas.runs.static.gain import StaticComparison
from aebnas.runs.static.networks import Kind, StaticNetwork, static_front

MOST_DRAWN = 60
"""Static networks in the figure and the table."""
WORDS = {
    Kind.ALONE: "a network without exits",
    Kind.CUT_SHORT: "a network cut short behind an exit",
    Kind.CASCADE: "a cascade of networks",
}
Comparisons = Sequence[StaticComparison | None]
"""One per run of the page."""


class StaticRow(NamedTuple):
    """One static network."""

    network: str
    numbers: list[str]


@dataclass(frozen=True)
class StaticTable:
    """The static networks of a run that no other one beats; the template ``run_tables.html`` draws them."""

    run: str
    """Its label."""
    columns: Sequence[Column]
    rows: Sequence[StaticRow]


def gain_lines(runs: Sequence[RunContents], comparisons: Comparisons) -> list[str]:
    """Return the page's first sentence: what exits gained over static networks, run by run."""
    lines = []
    for run, comparison in zip(runs, comparisons, strict=True):
        if comparison is not None and run.front:
            label = f"{run.label}: " if len(runs) > 1 else ""
            lines.append(label + format_gain(comparison))
    return lines


def static_tables(runs: Sequence[RunContents], comparisons: Comparisons) -> list[StaticTable]:
    """Return the table of each run that has static networks."""
    return [
        _table(run, comparison)
        for run, comparison in zip(runs, comparisons, strict=True)
        if comparison is not None
    ]


def static_data(comparison: StaticComparison | None) -> dict[str, Any] | None:
    """Return what the figure draws of a run's static networks."""
    if comparison is None:
        return None
    corners = set(map(id, comparison.curve.corners))
    return {
        "cost": comparison.metric,
        "networks": [
            [
                network.kind.value,
                network.text(),
                short(network.accuracy),
                {name: short(cost) for name, cost in network.costs.items()},
                int(id(network) in corners),
            ]
            for network in drawn(comparison)
        ],
    }


def drawn(comparison: StaticComparison) -> list[StaticNetwork]:
    """Return the static networks that are shown, by rising cost: corners of the curve first of all."""
    front = static_front(comparison.networks, comparison.metric)
    alone = [network for network in comparison.networks if network.kind is Kind.ALONE]
    kept = list(dict.fromkeys((*comparison.curve.corners, *front, *alone)))[:MOST_DRAWN]
    return sorted(kept, key=lambda network: network.costs[comparison.metric])


def _table(run: RunContents, comparison: StaticComparison) -> StaticTable:
    front = static_front(comparison.networks, comparison.metric)
    names = list(dict.fromkeys((comparison.metric, *front[0].costs)))
    columns = [
        ("Network", False),
        ("Accuracy", True),
        ("95% interval", True),
        *((metric_heading(name), True) for name in names),
    ]
    rows = []
    for network in front[:MOST_DRAWN]:
        numbers = [percent(network.accuracy, 2), interval(network.accuracy, run.select_images)]
        numbers += [metric_value(name, network.costs[name]) for name in names]
        rows.append(StaticRow(network.text(), numbers))
    return StaticTable(run.label, columns, rows)
