"""``exits.html``: all exit policies of one trained network on one self-contained page.

Must not import torch.
"""

from __future__ import annotations

from aebnas.report.exits.figures import figure_data
from aebnas.report.exits.study import ExitStudy
from aebnas.report.exits.tables import exit_tables, page_table
from aebnas.report.page.frame import filled, resource, script, section
from aebnas.report.page.markup import Markup, data_script, element, joined
from aebnas.runs.formatting import metric_name

SCRIPTS = (
    "report/dom", "report/formatting", "report/plot", "exits/policies", "exits/confidence", "exits/main",
)  # fmt: skip
"""In the order in which they need each other."""


def exit_page(study: ExitStudy) -> str:
    """Return the page's HTML."""
    accuracies, answers, exits = exit_tables(study)
    body = [
        _header(study),
        _drawn("policies", "Accuracy against mean cost", _curves_caption(study)),
        section("accuracies", accuracies.title, page_table(accuracies)),
        section("decisions", answers.title, page_table(answers)),
        section("exits", exits.title, page_table(exits)),
        _drawn("reliability", "Does the confidence of an exit match its accuracy?", _BINS),
        _network(study),
    ]
    data = data_script("study", figure_data(study))
    styles = resource("page.css") + resource("report.css")
    return filled(f"{study.run}: exit policies", joined(body), styles, data, [script(SCRIPTS)])


_BINS = (
    "Select images in 15 bins of confidence, larger marks hold more images; on the diagonal confidence "
    "equals accuracy. Temperatures were fitted on calibrate and change no answer."
)


def _header(study: ExitStudy) -> Markup:
    fitted, scored = study.comparison.fitted_on, study.comparison.scored_on
    lead = (
        f"Candidate {study.evaluation.key} of {study.run}: every policy refitted on {fitted:,} calibrate "
        f"images and scored on {scored:,} select images, which no policy was fitted on. "
        f"Cost: {metric_name(study.evaluation.cost_metric)}"
    )
    notes = element("ul", *(element("li", text) for text in study.warnings), attributes={"class": "warnings"})
    heading = element("h1", "When to leave: exit policies compared")
    return element("header", heading, element("p", lead, attributes={"class": "lead"}), notes)


def _curves_caption(study: ExitStudy) -> str:
    return (
        "Each policy along its path of settings, from the most expensive to the cheapest; bands of colour "
        "are 95% "
        f"bootstrap intervals over {study.comparison.scored_on:,} select images. Settings were chosen on "
        "calibrate, so a line may dip. A click on a name hides a policy, a double click (or Shift and a "
        "click) shows it alone. The weakest points may lie below the frame: Whole range shows them."
    )


def _network(study: ExitStudy) -> Markup:
    items = (element("li", line) for line in study.evaluation.architecture.drawing().lines())
    return section("network", "The network", element("ul", *items))


def _drawn(name: str, title: str, caption: str) -> Markup:
    """Return a section whose figure a script draws."""
    note = element("p", caption, attributes={"class": "caption"})
    return section(f"{name}-section", title, element("div", "", attributes={"id": name}), note)
