"""Tables of the page: the front, failures, several runs side by side.

Must not import torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from aebnas.report.page.markup import Markup, element, joined
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
_FRONT_COLUMNS = (
    ("Accuracy", True), ("95% interval", True), ("Expected MACs", True), ("Of full cost", True),
    ("Worst-case MACs", True), ("Parameters", True), ("Budget fraction", True),
    ("Exits: share that leaves", False), ("Architecture", False),
)  # fmt: skip


def front_rows(run: RunContents, links: Mapping[tuple[str, str], str]) -> Markup:
    """Return the front as a table that needs no script.

    Args:
        run: Whose front.
        links: The winner's file relative to the page, by run label and key.
    """
    devices = _further(run.front[0]) if run.front else []
    epochs = [("Epochs", True)] if run.plan.is_uneven else []
    columns = [
        *_FRONT_COLUMNS[:3],
        *((metric_heading(name), True) for name in devices),
        *_FRONT_COLUMNS[3:-2],
        *epochs,
        *_FRONT_COLUMNS[-2:],
    ]
    heads = [plain_head(name, is_number) for name, is_number in columns]
    rows = [_front_row(run, point, links.get((run.label, point.key))) for point in run.front[:MAX_FRONT_ROWS]]
    return scrolling(f"Pareto front of {run.label}", table_of(heads, rows))


def failure_rows(run: RunContents) -> Markup:
    """Return why trainings failed, final ones too: reasons with their number, then the candidates."""
    failed = [(evaluation, evaluation.message) for evaluation in run.failed]
    failed += [
        (evaluation, f"as a top-k candidate: {evaluation.message}") for evaluation in run.failed_finals
    ]
    reasons = Counter(reason for _, reason in failed)
    common = [
        element("tr", element("td", f"{number:,}", attributes={"class": "number"}), element("td", reason))
        for reason, number in reasons.most_common(MAX_FAILURES)
    ]
    summary = table_of([plain_head("Number", True), plain_head("Reason")], common)
    each = [
        element(
            "tr",
            element("td", element("code", evaluation.key)),
            element("td", f"{si(evaluation.reach_macs[-1])}", attributes={"class": "number"}),
            element("td", _lines(evaluation.architecture.drawing().lines())),
            element("td", reason),
        )
        for evaluation, reason in failed[:MAX_FAILURES]
    ]
    heads = [
        plain_head("Key"),
        plain_head("Worst-case MACs", True),
        plain_head("Architecture"),
        plain_head("Reason"),
    ]
    details = element(
        "details",
        element("summary", f"Failed candidates ({len(each)} of {len(failed)})"),
        scrolling(f"Failed candidates of {run.label}", table_of(heads, each)),
    )
    return joined([scrolling(f"Reasons of failures of {run.label}", summary), details])


def comparison_rows(runs: Sequence[RunContents]) -> Markup:
    """Return the headline figures of several runs, one row per run."""
    items = zip(*(headline(run) for run in runs), strict=True)
    names = [" / ".join(dict.fromkeys(item.name for item in same)) for same in items]
    heads = [
        plain_head("Run"),
        plain_head("Dataset"),
        plain_head("Seed", True),
        *(plain_head(n) for n in names),
    ]
    rows = []
    for i, run in enumerate(runs):
        mark = element("span", "", attributes={"class": f"swatch run-{i % 6}", "aria-hidden": "true"})
        cells = [
            element("th", joined([mark, run.label]), attributes={"scope": "row"}),
            element("td", dataset(run)),
        ]
        cells.append(element("td", str(run.config.search.seed), attributes={"class": "number"}))
        cells += [element("td", element("strong", item.value), *_note(item)) for item in headline(run)]
        rows.append(element("tr", *cells))
    return scrolling("The runs side by side", table_of(heads, rows))


def summary_list(items: Iterable[SummaryItem]) -> Markup:
    """Return metadata as a list of terms."""
    pairs = [joined([element("dt", item.name), element("dd", item.value, *_note(item))]) for item in items]
    return element("dl", *pairs, attributes={"class": "summary"})


def cards(items: Iterable[SummaryItem]) -> Markup:
    """Return metadata as cards, the value large."""
    cells = [
        element(
            "li",
            element("span", item.name, attributes={"class": "name"}),
            element("strong", item.value),
            *_note(item),
        )
        for item in items
    ]
    return element("ul", *cells, attributes={"class": "cards"})


def scrolling(label: str, table: Markup) -> Markup:
    """Return a table that scrolls sideways by touch and by keyboard."""
    attributes = {"class": "scroll", "role": "region", "aria-label": label, "tabindex": "0"}
    return element("div", table, attributes=attributes)


def _front_row(run: RunContents, point: OperatingPoint, link: str | None) -> Markup:
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
    cells = [element("td", text, attributes={"class": "number"}) for text in numbers]
    key: Markup = element("code", point.key)
    if link is not None:
        key = element("a", key, attributes={"href": link, "title": "Winner file"})
    drawing = _lines(point.evaluation.architecture.drawing().lines())
    return element("tr", *cells, element("td", _exits(point)), element("td", key, drawing))


def _further(point: OperatingPoint) -> list[str]:
    """Return the metrics that not every run has."""
    return further_metrics(point.metrics, EVERYWHERE)


def _exits(point: OperatingPoint) -> Markup:
    names = exit_names(point.evaluation.architecture)
    accuracies = point.curve.exit_accuracy.tolist()
    return _lines(
        f"{'final' if name == FINAL else name} {percent(rate)}, alone {percent(accuracy)}"
        for name, rate, accuracy in zip(names, point.exit_rates, accuracies, strict=True)
    )


def _lines(lines: Iterable[str]) -> Markup:
    return joined(element("span", line, attributes={"class": "line"}) for line in lines)


def _note(item: SummaryItem) -> list[Markup]:
    return [element("span", item.note, attributes={"class": "note"})] if item.note else []


def plain_head(name: str, is_number: bool = False) -> Markup:
    """Return a column's head."""
    return element("th", name, attributes={"scope": "col"} | ({"class": "number"} if is_number else {}))


def table_of(heads: Sequence[Markup], rows: Sequence[Markup]) -> Markup:
    """Return a table."""
    head = element("thead", element("tr", *heads))
    return element("table", head, element("tbody", *rows), attributes={"class": "plain"})
