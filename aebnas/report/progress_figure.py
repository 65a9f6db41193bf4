"""The figure of the search's progress: hypervolume over trainings.

Must not import torch or plotly.
"""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.report.contents import RunContents
from aebnas.report.figure_style import Figure, layout, named, point_count, run_colour, run_symbol


def hypervolume_figure(runs: Sequence[RunContents]) -> Figure:
    """Return the hypervolume after every generation, over the trainings it took."""
    several = len(runs) > 1
    data = []
    for i, run in enumerate(runs):
        if not run.generations:
            continue
        text = [
            f"generation {int(one['number'])}, {int(one['trainings'])} trainings<br>"
            f"hypervolume <b>{float(one['hypervolume']):.4f}</b>, front of {point_count(len(one['front']))}"
            for one in run.generations
        ]
        data.append({
            "type": "scatter", "mode": "lines+markers", "name": named(run.label, several, "hypervolume"),
            "x": [one["trainings"] for one in run.generations],
            "y": [one["hypervolume"] for one in run.generations],
            "hoverinfo": "text", "hovertext": text,
            "line": {"shape": "hv", "width": 2, "color": run_colour(i)},
            "marker": {"size": 7, "color": run_colour(i), "symbol": run_symbol(i)},
        })  # fmt: skip
    figure = layout("Trainings, failed ones included", "Hypervolume")
    figure["xaxis"] |= {"rangemode": "tozero", "tickformat": "d"}
    figure |= {"showlegend": several, "height": 360}
    return {"id": "hypervolume", "data": data, "layout": figure}


def has_equal_references(runs: Sequence[RunContents]) -> bool:
    """Return whether hypervolumes can be compared: same objectives, same reference point."""
    found = {
        (run.config.objectives, tuple(run.generations[-1]["reference"])) for run in runs if run.generations
    }
    return len(found) <= 1
