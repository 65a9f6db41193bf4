"""``report.html``: one self-contained page about one run or several.

Text and the front's table need no script; figures and everything one can ask of them do.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aebnas.report.page.frame import filled, resource, script, section
from aebnas.report.page.markup import Markup, data_script, element, joined
from aebnas.report.page.page_data import page_data
from aebnas.report.page.static_section import gain_lines, static_sections
from aebnas.report.page.surrogate_section import surrogate_sections
from aebnas.report.page.tables import (
    MAX_FRONT_ROWS,
    cards,
    comparison_rows,
    failure_rows,
    front_rows,
    summary_list,
)
from aebnas.report.text.notes import comparison_warnings, reading_notes, warnings
from aebnas.report.text.summary import dataset, headline, progress_summary, provenance
from aebnas.runs.contents import RunContents
from aebnas.runs.formatting import metric_name, metric_value
from aebnas.runs.static.gain import static_comparison
from aebnas.runs.store.store import RunStore

SCRIPTS = tuple(
    f"report/{name}"
    for name in (
        "dom", "formatting", "data", "state", "plot", "static", "front", "panel", "drawing", "reliability",
        "recipe", "details", "table", "progress", "genes", "latency", "surrogate", "main",
    )
)  # fmt: skip
"""Files of ``assets``, in the order in which they need each other."""


def page(
    runs: Sequence[RunContents], stores: Sequence[RunStore], links: Mapping[tuple[str, str], str]
) -> str:
    """Return the page's HTML.

    Args:
        runs: At least one.
        stores: Theirs.
        links: The winner's file relative to the page, by run label and key.
    """
    comparisons = [static_comparison(run, store) for run, store in zip(runs, stores, strict=True)]
    data = page_data(runs, stores, links, comparisons)
    notes = [element("li", note) for note in reading_notes(runs)]
    sections = [
        _summary(runs, gain_lines(runs, comparisons)),
        *_explorer(runs),
        *static_sections(runs, comparisons),
        *_front_tables(runs, links),
        _progress_section(runs),
        *_drawn_sections(data),
        *surrogate_sections(runs),
        *_failure_sections(runs),
        section("reading", "How to read these numbers", element("ul", *notes)),
        section("provenance", "Where they come from", *(_provenance(run, len(runs) > 1) for run in runs)),
    ]
    styles = resource("page.css") + resource("report.css")
    return filled(_title(runs), joined(sections), styles, data_script("data", data), [script(SCRIPTS)])


def _summary(runs: Sequence[RunContents], gains: Sequence[Markup]) -> Markup:
    several = len(runs) > 1
    notes = [(f"{run.label}: " if several else "") + text for run in runs for text in warnings(run)]
    notes = comparison_warnings(runs) + notes if several else notes
    boxes = element("ul", *(element("li", text) for text in notes), attributes={"class": "warnings"})
    content = comparison_rows(runs) if several else cards(headline(runs[0]))
    lead = element("p", _lead(runs), attributes={"class": "lead"})
    heading = element("h1", _title(runs))
    return element("header", heading, *gains, lead, content, *([boxes] if notes else []))


def _title(runs: Sequence[RunContents]) -> str:
    return runs[0].label if len(runs) == 1 else f"{len(runs)} runs compared"


def _lead(runs: Sequence[RunContents]) -> str:
    run = runs[0]
    if len(runs) > 1:
        return ", ".join(run.label for run in runs)
    objectives = ", ".join(metric_name(name) for name in run.config.objectives)
    return f"Early-exit networks for {dataset(run)}, searched for {objectives}; seed {run.config.search.seed}"


def _explorer(runs: Sequence[RunContents]) -> list[Markup]:
    """Return the places of the front, of the selected point and of the selected networks."""
    if not any(run.points for run in runs):
        message = element("p", "No candidate has finished training, so there is nothing to draw yet.")
        return [section("explore", "Pareto front", message)]
    panel = element("aside", "", attributes={"id": "panel", "aria-label": "Selected operating point"})
    places = element("div", _place("front"), panel, attributes={"class": "explore"})
    hidden = [run for run in runs if len(run.done) > run.config.report.max_candidates]
    numbers = ", ".join(f"{run.config.report.max_candidates} of {len(run.done)}" for run in hidden)
    note = f"The best {numbers} candidates are on this page (report.max_candidates)." if hidden else ""
    notes = [element("p", note, attributes={"class": "caption"})] if hidden else []
    return [
        section("explore", "Pareto front", places, *notes),
        section("networks", "The selected network", _place("details")),
    ]


def _front_tables(runs: Sequence[RunContents], links: Mapping[tuple[str, str], str]) -> list[Markup]:
    """Return the candidates' table: without a script the fronts, with it every operating point."""
    parts = []
    for run in runs:
        if run.front:
            title = [element("h3", run.label)] if len(runs) > 1 else []
            parts += [*title, front_rows(run, links)]
            if len(run.front) > MAX_FRONT_ROWS:
                text = f"The first {MAX_FRONT_ROWS} of {len(run.front)} rows; all of them: pareto.csv."
                parts.append(element("p", text, attributes={"class": "caption"}))
    if not any(run.points for run in runs):
        return []
    return [section("candidates", "Candidates", element("div", *parts, attributes={"id": "table"}))]


def _progress_section(runs: Sequence[RunContents]) -> Markup:
    if not any(run.trainings for run in runs):
        return Markup("")
    references = {
        ", ".join(f"{metric_name(name)} {metric_value(name, value)}" for name, value in
                  zip(run.config.objectives, run.generations[-1]["reference"], strict=True))
        for run in runs if run.generations
    }  # fmt: skip
    caption = (
        "Hypervolume: share of the box between the ideal point (all 0) and the reference point that the "
        f"feasible front dominates, after each generation. Reference: {'; or '.join(sorted(references))}."
    )
    metadata = [
        joined([*([element("h3", run.label)] if len(runs) > 1 else []), summary_list(progress_summary(run))])
        for run in runs
    ]
    notes = [element("p", caption, attributes={"class": "caption"})] if references else []
    return section("progress-section", "Progress of the search", _place("progress"), *notes, *metadata)


def _drawn_sections(data: Mapping[str, list[Mapping[str, object]]]) -> list[Markup]:
    """Return the sections that only some runs have."""
    sections = []
    if any(run["genes"] for run in data["runs"]):
        inherits = any(run["inherits"] for run in data["runs"])
        everyone = "candidates" if inherits else "trained networks"
        text = (
            f"Share of every value among the networks of the front (colour) and among all {everyone} "
            "(grey), where the gene acts; the strongest preferences first. Networks of a search descend from "
            "each other: a preference tells where the search went, and is no proof that a value is better."
        )
        caption = element("p", text, attributes={"class": "caption"})
        sections.append(section("genes-section", "Which choices the front prefers", caption, _place("genes")))
    if any(run["latency"] for run in data["runs"]):
        text = (
            "Networks that ran whole on the device, exit by exit: filled marks were not used to fit the "
            "profile, and the mean error is theirs; hollow ones were. On the diagonal both agree."
        )
        caption = element("p", text, attributes={"class": "caption"})
        title = "Predicted against measured latency"
        sections.append(section("latency-section", title, caption, _place("latency")))
    return sections


def _place(name: str) -> Markup:
    return element("div", "", attributes={"id": name})


def _failure_sections(runs: Sequence[RunContents]) -> list[Markup]:
    several = len(runs) > 1
    return [
        section(
            f"failures-{i}", f"{_failures(run)}{f' of {run.label}' if several else ''}", failure_rows(run)
        )
        for i, run in enumerate(runs)
        if run.failed or run.failed_finals
    ]


def _failures(run: RunContents) -> str:
    return (
        "Failed candidates and final trainings"
        if run.plan.inherits or run.plan.finals
        else "Failed trainings"
    )


def _provenance(run: RunContents, several: bool) -> Markup:
    metadata = summary_list(provenance(run))
    return element("details", element("summary", run.label), metadata) if several else metadata
