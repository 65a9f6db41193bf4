"""The surrogate's part of the page: what it predicted, what was observed, when it was off.

Read from the summaries of the generations; empty for runs without a surrogate.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from aebnas.report.page.tables import Column
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import percent

_SOURCES = {"surrogate": "surrogate", "exploration": "drawn at random", "plain": "plain NSGA-II"}
_NUMBERS = (
    "Tau, predicted", "Tau, folds", "Bias of error", "In 90% interval", "Gain", "Gain, plain", "Chance",
)  # fmt: skip


_COLUMNS: Sequence[Column] = (
    ("Generation", True), ("Surrogate", False), ("Models", False), *((name, True) for name in _NUMBERS),
)  # fmt: skip


class SurrogateRow(NamedTuple):
    """How the surrogate did in one generation."""

    generation: int
    state: str
    """On, or off and why."""
    models: str
    """Of each quantity, with its tau (folds)."""
    numbers: list[str]


@dataclass(frozen=True)
class SurrogateSection:
    """What the page says about the surrogate of one run; ``surrogate.js`` draws its figure."""

    number: int
    """Of the run on the page."""
    label: str
    note: str
    """When it was off, and what the columns mean."""
    rows: Sequence[SurrogateRow]
    columns: Sequence[Column] = _COLUMNS


def surrogate_sections(runs: Sequence[RunContents]) -> list[SurrogateSection]:
    """Return one section per run that a surrogate helped."""
    sections = []
    for i, run in enumerate(runs):
        statuses = [
            (int(generation["number"]), generation["surrogate"])
            for generation in run.generations
            if "surrogate" in generation
        ]
        if statuses:
            rows = [_row(number, status) for number, status in statuses]
            sections.append(SurrogateSection(i, run.label, _note(run, statuses), rows))
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


def _row(number: int, status: Mapping[str, Any]) -> SurrogateRow:
    gains = status["gains"]
    numbers = [
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
    return SurrogateRow(number, state, models, numbers)


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
