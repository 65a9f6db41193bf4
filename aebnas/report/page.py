"""``report.html``: one self-contained page about one run or several.

Text and tables need no script; figures do.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aebnas.config.constraints import full_name
from aebnas.report.contents import RunContents
from aebnas.report.facts import comparison_warnings, dataset, headline, provenance, reading, warnings
from aebnas.report.figure_style import Figure
from aebnas.report.frame import drawn, filled, section
from aebnas.report.front_figures import MAX_BARS, costs, curves_figure, exit_rates_figure, front_figure
from aebnas.report.markup import Markup, element, joined
from aebnas.report.progress_figure import hypervolume_figure
from aebnas.report.surrogate_section import surrogate_sections
from aebnas.report.tables import MAX_FRONT_ROWS, cards, comparison_rows, fact_list, failure_rows, front_rows
from aebnas.report.words import limits, metric_name


def page(runs: Sequence[RunContents], links: Mapping[tuple[str, str], str]) -> str:
    """Return the page's HTML.

    Args:
        runs: At least one.
        links: The winner's file relative to the page, by run label and key.
    """
    figures: list[Figure] = []
    sections = [
        _summary(runs),
        *_front_sections(runs, figures),
        _curves_section(runs, figures),
        *_run_sections(runs, links, figures),
        _progress_section(runs, figures),
        *surrogate_sections(runs, figures),
        *_failure_sections(runs),
        section(
            "reading", "How to read these numbers", element("ul", *(element("li", s) for s in reading(runs)))
        ),
        section("provenance", "Where they come from", *(_provenance(run, len(runs) > 1) for run in runs)),
    ]
    return filled(_title(runs), joined(sections), figures)


def _summary(runs: Sequence[RunContents]) -> Markup:
    several = len(runs) > 1
    told = [(f"{run.label}: " if several else "") + text for run in runs for text in warnings(run)]
    told = comparison_warnings(runs) + told if several else told
    boxes = element("ul", *(element("li", text) for text in told), attributes={"class": "warnings"})
    content = comparison_rows(runs) if several else cards(headline(runs[0]))
    lead = element("p", _lead(runs), attributes={"class": "lead"})
    heading = element("h1", _title(runs))
    return element("header", heading, lead, content, *([boxes] if told else []))


def _title(runs: Sequence[RunContents]) -> str:
    return runs[0].label if len(runs) == 1 else f"{len(runs)} runs compared"


def _lead(runs: Sequence[RunContents]) -> str:
    run = runs[0]
    if len(runs) > 1:
        return ", ".join(run.label for run in runs)
    objectives = ", ".join(metric_name(name) for name in run.config.objectives)
    return f"Early-exit networks for {dataset(run)}, searched for {objectives}; seed {run.config.search.seed}"


def _front_sections(runs: Sequence[RunContents], figures: list[Figure]) -> list[Markup]:
    """Return one figure per cost objective, or a message where there is nothing to draw."""
    if not any(run.points for run in runs):
        message = element("p", "No candidate has finished training, so there is nothing to draw yet.")
        return [section("front", "Pareto front", message)]
    names = list(dict.fromkeys(name for run in runs for name in costs(run)))
    sections = []
    for name in names:
        shown = [run for run in runs if run.has(name)]
        if not shown:
            continue
        figures.append(front_figure(shown, name))
        title = f"Accuracy against {metric_name(name)}"
        caption = _front_caption(shown, name)
        others = [run.label for run in runs if run.points and not run.has(name)]
        if others:
            caption += f" Not scored by it: {', '.join(others)} (aebnas rescore does that)."
        sections.append(section(f"front-section-{name}", title, *drawn(figures[-1], title, caption)))
    return sections


def _front_caption(runs: Sequence[RunContents], cost: str) -> str:
    text = "Every operating point that was scored; vertical bars are 95% intervals. "
    if len(runs) > 1:
        text = "Every operating point that was scored, and the fronts of the runs. "
    if any(set(run.objectives) != {"error", cost} for run in runs):
        text += "A projection: points that look beaten here win in another objective. "
    hidden = [
        limits(metric, bound)
        for run in runs
        for metric, bound in run.config.constraints.items()
        if full_name(metric, run.config.profiles) not in (cost, "accuracy", "error")
    ]
    if hidden:
        text += f"Constraints beyond these axes: {'; '.join(dict.fromkeys(hidden))}. "
    return text + "The weakest points may lie below the frame: a double click shows all."


def _curves_section(runs: Sequence[RunContents], figures: list[Figure]) -> Markup:
    title = "Operating curves"
    if not any(run.done for run in runs):
        return Markup("")
    metrics = dict.fromkeys(run.config.cost_metric for run in runs if run.done)
    groups = [[run for run in runs if run.config.cost_metric == metric] for metric in metrics]
    own = [curves_figure(group, number) for number, group in enumerate(groups)]
    figures += own
    caption = (
        "One training gives a whole curve: each network at every worthwhile setting of its exits, "
        "scored on select. Settings were chosen on calibrate, so a curve may dip."
    )
    hidden = [run for run in runs if len(run.done) > run.config.report.max_candidates]
    if hidden:
        numbers = ", ".join(f"{run.config.report.max_candidates} of {len(run.done)}" for run in hidden)
        caption += f" The best {numbers} candidates are drawn (report.max_candidates)."
    parts = [part for figure in own for part in drawn(figure, title, caption)]
    return section("curves-section", title, *parts)


def _run_sections(
    runs: Sequence[RunContents], links: Mapping[tuple[str, str], str], figures: list[Figure]
) -> list[Markup]:
    """Return exit rates and the front's table of every run that has a front."""
    sections = []
    for i, run in enumerate(runs):
        if not run.front:
            continue
        of = f" of {run.label}" if len(runs) > 1 else ""
        figures.append(exit_rates_figure(run, i))
        caption = "One bar per point of the front, cheapest first: accuracy and expected MACs on the left."
        if len(run.front) > MAX_BARS:
            caption += f" {MAX_BARS} of {len(run.front)} points, spread evenly."
        title = f"Where images leave: front{of}"
        sections.append(section(f"exits-section-{i}", title, *drawn(figures[-1], title, caption)))
        note = "Accuracies are scored on select, where the front was chosen. “Alone”: it answers every image."
        if len(run.front) > MAX_FRONT_ROWS:
            note += f" The first {MAX_FRONT_ROWS} of {len(run.front)} rows; all of them: pareto.csv."
        caption_ = element("p", note, attributes={"class": "caption"})
        sections.append(section(f"table-section-{i}", f"The front{of}", caption_, front_rows(run, links)))
    return sections


def _progress_section(runs: Sequence[RunContents], figures: list[Figure]) -> Markup:
    if not any(run.generations for run in runs):
        return Markup("")
    figures.append(hypervolume_figure(runs))
    references = {
        ", ".join(f"{metric_name(name)} {value:,.6g}" for name, value in
                  zip(run.config.objectives, run.generations[-1]["reference"], strict=True))
        for run in runs if run.generations
    }  # fmt: skip
    caption = (
        "Share of the box between the ideal point (all 0) and the reference point that the feasible front "
        f"dominates, after each generation. Reference: {'; or '.join(sorted(references))}."
    )
    title = "Progress of the search"
    return section("progress-section", title, *drawn(figures[-1], title, caption))


def _failure_sections(runs: Sequence[RunContents]) -> list[Markup]:
    several = len(runs) > 1
    return [
        section(
            f"failures-{i}", f"Failed trainings{f' of {run.label}' if several else ''}", failure_rows(run)
        )
        for i, run in enumerate(runs)
        if run.failed
    ]


def _provenance(run: RunContents, several: bool) -> Markup:
    facts = fact_list(provenance(run))
    return element("details", element("summary", run.label), facts) if several else facts
