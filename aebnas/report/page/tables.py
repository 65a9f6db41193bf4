"""Tables of the page as text: the front, failures, several runs side by side.

The templates ``run_tables.html`` and ``parts.html`` draw them.  Must not import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aebnas.report.text.summary import SummaryItem, dataset, headline
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import (
    FINAL,
    exit_names,
    format_epochs,
    further_metrics,
    interval,
    metric_heading,
    metric_value,
    percent,
    si,
)
from aebnas.runs.fronts.operating_points import OperatingPoint
from aebnas.task.metrics.table import EVERYWHERE

MAX_FRONT_ROWS = 500
MAX_FAILURES = 200
Column = tuple[str, bool]
"""A column's head, and whether it holds numbers."""
_FRONT_COLUMNS = (
    ("Accuracy", True), ("95% interval", True), ("Expected MACs", True), ("Of full cost", True),
    ("Worst-case MACs", True), ("Parameters", True), ("Budget fraction", True),
    ("Exits: share that leaves", False), ("Architecture", False),
)  # fmt: skip


class FrontRow(NamedTuple):
    """One operating point of a front."""

    numbers: list[str]
    exits: list[str]
    """One line per exit: the share of images that leaves there, and its accuracy alone."""
    key: str
    link: str | None
    """The winner's file, relative to the page."""
    drawing: list[str]
    """The architecture, line by line."""


@dataclass(frozen=True)
class FrontTable:
    """A front, as far as the page shows it without a script."""

    run: str
    """Its label."""
    label: str
    columns: Sequence[Column]
    rows: Sequence[FrontRow]
    count: int
    """Of all points of the front."""


class FailedRow(NamedTuple):
    """One training that failed."""

    key: str
    macs: str
    """Worst-case MACs."""
    drawing: list[str]
    reason: str


@dataclass(frozen=True)
class Failures:
    """Why trainings of a run failed, final ones too."""

    number: int
    """Of the run on the page."""
    label: str
    title: str
    reasons: Sequence[tuple[str, int]]
    """With their number, the most frequent first."""
    candidates: Sequence[FailedRow]
    count: int
    """Of all failures."""


class ComparedRun(NamedTuple):
    """One run among several."""

    label: str
    dataset: str
    seed: int
    items: list[SummaryItem]
    """Its headline figures."""


class ComparisonTable(NamedTuple):
    """Several runs side by side."""

    columns: list[Column]
    """Those of the headline figures."""
    rows: list[ComparedRun]


def front_table(run: RunContents, links: Mapping[tuple[str, str], str]) -> FrontTable:
    """Return the front of a run that has one.

    Args:
        run: Whose front.
        links: The winner's file relative to the page, by run label and key.
    """
    columns = [
        *_FRONT_COLUMNS[:3],
        *((metric_heading(name), True) for name in _further(run.front[0])),
        *_FRONT_COLUMNS[3:-2],
        *([("Epochs", True)] if run.plan.is_uneven else []),
        *_FRONT_COLUMNS[-2:],
    ]
    rows = [_front_row(run, point, links.get((run.label, point.key))) for point in run.front[:MAX_FRONT_ROWS]]
    return FrontTable(run.label, f"Pareto front of {run.label}", columns, rows, len(run.front))


def failures(number: int, run: RunContents) -> Failures:
    """Return why trainings failed: reasons with their number, then the candidates.

    Args:
        number: Of the run on the page, from 0.
        run: One with failures.
    """
    failed = [(evaluation, evaluation.message) for evaluation in run.failed]
    failed += [
        (evaluation, f"as a top-k candidate: {evaluation.message}") for evaluation in run.failed_finals
    ]
    rows = [
        FailedRow(
            evaluation.key,
            si(evaluation.reach_macs[-1]),
            list(evaluation.architecture.drawing().lines()),
            reason,
        )
        for evaluation, reason in failed[:MAX_FAILURES]
    ]
    has_finals = run.plan.finals or not run.plan.are_trainings
    title = "Failed candidates and final trainings" if has_finals else "Failed trainings"
    reasons = Counter(reason for _, reason in failed).most_common(MAX_FAILURES)
    return Failures(number, run.label, title, reasons, rows, len(failed))


def comparison_table(runs: Sequence[RunContents]) -> ComparisonTable:
    """Return the headline figures of several runs, one row per run."""
    rows = [ComparedRun(run.label, dataset(run), run.config.search.seed, headline(run)) for run in runs]
    items = zip(*(row.items for row in rows), strict=True)
    names = [" / ".join(dict.fromkeys(item.name for item in same)) for same in items]
    return ComparisonTable([(name, False) for name in names], rows)


def _front_row(run: RunContents, point: OperatingPoint, link: str | None) -> FrontRow:
    metrics = point.metrics
    numbers = [
        percent(point.accuracy, 2),
        interval(point.accuracy, run.select_images),
        si(metrics["macs"]),
        *(metric_value(name, metrics[name]) for name in _further(point)),
        percent(point.cost_share, 0),
        si(metrics["worst_macs"]),
        si(metrics["params"]),
        f"{point.budget_fraction:g}",
        *([format_epochs(point.evaluation.epochs)] if run.plan.is_uneven else []),
    ]
    drawing = list(point.evaluation.architecture.drawing().lines())
    return FrontRow(numbers, _exits(point), point.key, link, drawing)


def _further(point: OperatingPoint) -> list[str]:
    """Return the metrics that not every run has."""
    return further_metrics(point.metrics, EVERYWHERE)


def _exits(point: OperatingPoint) -> list[str]:
    names = exit_names(point.evaluation.architecture)
    accuracies = point.curve.exit_accuracy.tolist()
    return [
        f"{'final' if name == FINAL else name} {percent(rate)}, alone {percent(accuracy)}"
        for name, rate, accuracy in zip(names, point.exit_rates, accuracies, strict=True)
    ]
