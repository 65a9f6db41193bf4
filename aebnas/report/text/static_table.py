"""Static networks as a table for the terminal.

Must not import torch.
"""

from __future__ import annotations

from aebnas.report.text.static_text import BOTH_CHOSEN
from aebnas.report.text.terminal import thinned
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import interval, metric_name, metric_value, percent
from aebnas.runs.static.gain import StaticComparison
from aebnas.runs.static.networks import static_front
from aebnas.terminal.tables import FittedColumn, FittedTable


def static_table(
    run: RunContents, comparison: StaticComparison, max_rows: int = 8, width: int | None = None
) -> FittedTable:
    """Return the static networks that no other one beats, by rising cost, to be printed by a rich console.

    Args:
        run: The run.
        comparison: Its static networks.
        max_rows: More are thinned evenly; the cheapest and the most accurate stay.
        width: At most, whatever the console's.
    """
    metric = comparison.metric
    front = static_front(comparison.networks, metric)
    shown = thinned(front, max_rows)
    columns = {
        "accuracy": [percent(network.accuracy, 2) for network in shown],
        "(95%)": [interval(network.accuracy, run.select_images) for network in shown],
        metric_name(metric): [metric_value(metric, network.costs[metric]) for network in shown],
        "without exits": [network.text() for network in shown],
    }
    some = f"{len(shown)} of {len(front)} static networks. " if len(shown) < len(front) else ""
    return FittedTable(
        [FittedColumn(head, tuple(cells), head == "without exits") for head, cells in columns.items()],
        caption=some + BOTH_CHOSEN,
        least_first=("(95%)",),
        width=width,
    )
