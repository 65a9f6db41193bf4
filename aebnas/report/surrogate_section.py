"""The surrogate's part of the page: what it foretold, what came, when it was off.

Read from the summaries of the generations; empty for runs without a surrogate.
Must not import torch or plotly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.report.contents import RunContents
from aebnas.report.figure_style import MUTED, Figure, layout, run_colour
from aebnas.report.frame import drawn, section
from aebnas.report.markup import Markup, element
from aebnas.report.tables import plain_head, scrolling, table_of
from aebnas.report.words import percent

_SOURCES = {"surrogate": "surrogate", "exploration": "drawn at random", "plain": "plain NSGA-II"}
_SYMBOLS = {"surrogate": "circle", "exploration": "diamond", "plain": "square"}
_NUMBERS = (
    "Tau, foretold", "Tau, folds", "Bias of error", "In 90% interval", "Gain", "Gain, plain", "Chance",
)  # fmt: skip


def surrogate_sections(runs: Sequence[RunContents], figures: list[Figure]) -> list[Markup]:
    """Return one section per run that a surrogate helped; its figure joins ``figures``."""
    sections = []
    for i, run in enumerate(runs):
        standings = [(int(one["number"]), one["surrogate"]) for one in run.generations if "surrogate" in one]
        if not standings:
            continue
        figures.append(_foretold_figure(i, standings))
        title = "The surrogate" + (f" of {run.label}" if len(runs) > 1 else "")
        caption = (
            "Error (mean over the trade-offs) as predicted before each training, and as it came. "
            "On the line the surrogate was right."
        )
        note = element("p", _note(run, standings), attributes={"class": "caption"})
        parts = (*drawn(figures[-1], title, caption), note, _table(run, standings))
        sections.append(section(f"surrogate-section-{i}", title, *parts))
    return sections


def _note(run: RunContents, standings: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    off = [str(number) for number, one in standings if not one["is_on"]]
    was = f"It was switched off in generation {', '.join(off)}" if off else "It was never switched off"
    window = run.config.search.surrogate_options.window
    return (
        f"{was}. Tau (foretold), bias, interval and gains are of the last {window} generations, of every "
        "candidate predicted before it was trained; tau (folds) of earlier trainings left out of the fit. "
        "Bias: error that came minus error predicted. Gain: mean hypervolume (thousandths of the box) "
        "that a candidate added. "
        "Chance: how likely one of the surrogate adds more than one of plain NSGA-II, ties by half."
    )


def _table(run: RunContents, standings: Sequence[tuple[int, Mapping[str, Any]]]) -> Markup:
    heads = [plain_head("Generation", True), plain_head("Surrogate"), plain_head("Models")]
    heads += [plain_head(name, True) for name in _NUMBERS]
    rows = [_row(number, one) for number, one in standings]
    return scrolling(f"The surrogate of {run.label} in every generation", table_of(heads, rows))


def _row(number: int, one: Mapping[str, Any]) -> Markup:
    gains = one["gains"]
    cells = [
        _two_digits(one["tau"]),
        _two_digits(one["fold_tau"].get("error")),
        "–" if one["bias"] is None else f"{100 * one['bias']:+.2f}%",
        "–" if one["coverage"] is None else percent(one["coverage"], 0),
        _two_digits(gains.get("surrogate"), 1e3),
        _two_digits(gains.get("plain"), 1e3),
        _two_digits(one["chance"]),
    ]
    state = "on" if one["is_on"] else f"off: {one['reason']}"
    models = ", ".join(f"{name}: {model}" for name, model in one["models"].items())
    return element(
        "tr",
        element("td", str(number), attributes={"class": "number"}),
        element("td", state),
        element("td", models),
        *(element("td", text, attributes={"class": "number"}) for text in cells),
    )


def _two_digits(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{scale * value:.2f}"


def _foretold_figure(i: int, standings: Sequence[tuple[int, Mapping[str, Any]]]) -> Figure:
    told = [(number, one) for number, standing in standings for one in standing["foretold"]]
    data: list[dict[str, Any]] = []
    for j, (source, name) in enumerate(_SOURCES.items()):
        own = [(number, one) for number, one in told if one["source"] == source]
        if not own:
            continue
        data.append({
            "type": "scatter", "mode": "markers", "name": name,
            "x": [one["predicted"] for _, one in own], "y": [one["came"] for _, one in own],
            "hoverinfo": "text",
            "hovertext": [
                f"{one['key']}, generation {number}<br>predicted {percent(one['predicted'], 2)}, "
                f"came {percent(one['came'], 2)}" for number, one in own
            ],
            "marker": {"size": 7, "color": run_colour(j), "symbol": _SYMBOLS[source]},
        })  # fmt: skip
    values = [value for _, one in told for value in (one["predicted"], one["came"])]
    ends = [min(values, default=0.0), max(values, default=1.0)]
    data.append({
        "type": "scatter", "mode": "lines", "name": "as predicted", "x": ends, "y": ends,
        "hoverinfo": "skip", "line": {"color": MUTED, "dash": "dot", "width": 1},
    })  # fmt: skip
    figure = layout("Error predicted before training", "Error that came")
    for axis in ("xaxis", "yaxis"):
        figure[axis] |= {"tickformat": ".0%"}
    return {"id": f"surrogate-{i}", "data": data, "layout": {**figure, "height": 360}}
