"""Static networks on the page: the first sentence, a table, and what the figure draws.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aebnas.report.page.frame import section
from aebnas.report.page.markup import Markup, element
from aebnas.report.page.packing import short
from aebnas.report.page.tables import plain_head, scrolling, table_of
from aebnas.report.text.static_text import BOTH_CHOSEN, format_gain
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


def gain_lines(runs: Sequence[RunContents], comparisons: Comparisons) -> list[Markup]:
    """Return the page's first sentence: what exits gained over static networks, run by run."""
    lines = []
    for run, comparison in zip(runs, comparisons, strict=True):
        if comparison is not None and run.front:
            label = f"{run.label}: " if len(runs) > 1 else ""
            lines.append(element("p", label + format_gain(comparison), attributes={"class": "gain"}))
    return lines


def static_sections(runs: Sequence[RunContents], comparisons: Comparisons) -> list[Markup]:
    """Return the table of static networks that no other static network beats."""
    parts: list[Markup] = []
    for run, comparison in zip(runs, comparisons, strict=True):
        if comparison is not None:
            title = [element("h3", run.label)] if len(runs) > 1 else []
            parts += [*title, _table(run, comparison)]
    if not parts:
        return []
    text = (
        "What the same candidates are without early exits: whole, cut short behind one of their exits "
        "(the exit answers everything, earlier heads are not computed), or one after the other as a cascade. "
        f"Those that another one beats are left out. {BOTH_CHOSEN}"
    )
    return [section("static", "Without exits", element("p", text, attributes={"class": "caption"}), *parts)]


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


def _table(run: RunContents, comparison: StaticComparison) -> Markup:
    front = static_front(comparison.networks, comparison.metric)
    names = list(dict.fromkeys((comparison.metric, *front[0].costs)))
    heads = [
        plain_head("Network"),
        plain_head("Accuracy", True),
        plain_head("95% interval", True),
        *(plain_head(metric_heading(name), True) for name in names),
    ]
    rows = []
    for network in front[:MOST_DRAWN]:
        numbers = [percent(network.accuracy, 2), interval(network.accuracy, run.select_images)]
        numbers += [metric_value(name, network.costs[name]) for name in names]
        cells = [element("td", number, attributes={"class": "number"}) for number in numbers]
        rows.append(element("tr", element("td", network.text()), *cells))
    return scrolling(f"Static networks of {run.label}", table_of(heads, rows))
