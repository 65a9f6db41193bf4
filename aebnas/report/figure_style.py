"""What plotly figures share: axes and colours.

A figure is plain data for plotly.js.  Colours are names of CSS variables, so that the
page's light and dark themes hold for figures too; the page's script replaces them.
Must not import torch or plotly.
"""

from __future__ import annotations

import html
from typing import Any

Figure = dict[str, Any]
"""``data`` and ``layout`` as plotly.js takes them, and the page's ``id``."""
RUN_COLOURS = tuple(f"var(--run-{i})" for i in range(6))
MUTED, LINE = "var(--muted-mark)", "var(--line)"


def run_colour(i: int) -> str:
    """Return the colour of the i-th run."""
    return RUN_COLOURS[i % len(RUN_COLOURS)]


def layout(x_title: str, y_title: str) -> dict[str, Any]:
    """Return the layout of a figure with two axes."""
    axis = {
        "gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE, "ticks": "outside", "tickcolor": LINE,
        "ticklen": 4, "automargin": True,
    }  # fmt: skip
    return {
        "xaxis": {**axis, "title": {"standoff": 10, "text": html.escape(x_title)}},
        "yaxis": {**axis, "title": {"standoff": 10, "text": html.escape(y_title)}},
        "font": {"color": "var(--text)", "size": 13, "family": "var(--font)"},
        "paper_bgcolor": "var(--clear)",
        "plot_bgcolor": "var(--clear)",
        "margin": {"l": 12, "r": 12, "t": 8, "b": 8},
        "hovermode": "closest",
        "hoverlabel": {
            "align": "left", "bgcolor": "var(--card)", "bordercolor": "var(--strong-line)", "namelength": -1,
            "font": {"color": "var(--text)", "size": 12.5, "family": "var(--font)"},
        },
        "legend": {
            "orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom",
            "bgcolor": "var(--clear)", "font": {"size": 12.5}, "itemsizing": "constant",
        },
        "modebar": {"bgcolor": "var(--clear)", "color": "var(--strong-line)", "activecolor": "var(--accent)"},
        "showlegend": True,
        "dragmode": "zoom",
    }  # fmt: skip
