"""The surrogate's part of the page: what it predicted, what was observed, when it was off.

Read from the summaries of the generations; empty for runs without a surrogate.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.report.page.frame import section
from aebnas.report.page.markup import Markup, element
from aebnas.report.page.tables import plain_head, scrolling, table_of
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import percent

_SOURCES = {"surrogate": "surrogate", "exploration": "drawn at random", "plain": "plain NSGA-II"}
_NUMBERS = (
    "Tau, predicted", "Tau, folds", "Bias of error", "In 90% interval", "Gain", "Gain, plain", "Chance",
)  # fmt: skip


def surrogate_sections(runs: Sequence[RunContents]) -> list[Markup]:
    """Return one section per run that a surrogate helped; ``surrogate.js`` draws its figure."""
    sections = []
    for i, run in enumerate(runs):
        statuses = [
            (int(generation["number"]), generation["surrogate"])
            for generation in run.generations
            if "surrogate" in generation
        ]
        if not statuses:
            continue
        title = "The surrogate" + (f" of {run.label}" if len(runs) > 1 else "")
        caption = (
            "Error (mean over the budget fractions) as predicted before each training, and as observed. "
            "On the line the surrogate was right."
        )
        note = element("p", _note(run, statuses), attributes={"class": "caption"})
        place = element("div", "", attributes={"id": f"surrogate-{i}"})
        legend = element("p", caption, attributes={"class": "caption"})
        parts = (legend, place, note, _table(run, statuses))
        sections.append(section(f"surrogate-section-{i}", title, *parts))
    return sections


def _note(run: RunContents, statuses: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    off = [str(number) for number, status in statuses if not status["is_on"]]
    was = f"It was switched off in generation {', '.join(off)}" if off else "It was never switched off"
    window = run.config.search.surrogate_options.window
    return (
        f"{was}. Tau (predicted), bias, interval and gains are of the last {window} generations, of every "
        "candidate predicted before it was trained; tau (folds), of error and behind each model its own, of "
        "earlier trainings left out of the fit. "
        "Bias: error observed minus error predicted. Gain: mean hypervolume (thousandths of the box) "
        "that a candidate added. "
        "Chance: how likely one of the surrogate adds more than one of plain NSGA-II, ties by half."
    )


def _table(run: RunContents, statuses: Sequence[tuple[int, Mapping[str, Any]]]) -> Markup:
    heads = [plain_head("Generation", True), plain_head("Surrogate"), plain_head("Models")]
    heads += [plain_head(name, True) for name in _NUMBERS]
    rows = [_row(number, status) for number, status in statuses]
    return scrolling(f"The surrogate of {run.label} in every generation", table_of(heads, rows))


def _row(number: int, status: Mapping[str, Any]) -> Markup:
    gains = status["gains"]
    cells = [
        _two_digits(status["tau"]),
        _two_digits(status["fold_tau"].get("error")),
        "–" if status["bias"] is None else f"{100 * status['bias']:+.2f}%",
        "–" if status["coverage"] is None else percent(status["coverage"], 0),
        _two_digits(gains.get("surrogate"), 1e3),
        _two_digits(gains.get("plain"), 1e3),
        _two_digits(status["chance"]),
    ]
    state = "on" if status["is_on"] else f"off: {status['reason']}"
    models = ", ".join(
        f"{name}: {model} ({_two_digits(status['fold_tau'].get(name))})"
        for name, model in status["models"].items()
    )
    return element(
        "tr",
        element("td", str(number), attributes={"class": "number"}),
        element("td", state),
        element("td", models),
        *(element("td", text, attributes={"class": "number"}) for text in cells),
    )


def _two_digits(value: float | None, scale: float = 1.0) -> str:
    return "–" if value is None else f"{scale * value:.2f}"


def predictions(run: RunContents) -> list[list[Any]]:
    """Return what was predicted before it was trained: generation, key, source, predicted, observed."""
    return [
        [
            int(generation["number"]),
            text["key"],
            _SOURCES[text["source"]],
            text["predicted"],
            text["observed"],
        ]
        for generation in run.generations
        if "surrogate" in generation
        for text in generation["surrogate"]["predictions"]
    ]
