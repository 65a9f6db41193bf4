"""``exits.html``: all exit policies of one trained network on one self-contained page.

Must not import torch.
"""

from __future__ import annotations

from aebnas.report.exit_figures import policies_figure, reliability_figure
from aebnas.report.exit_study import ExitStudy
from aebnas.report.exit_tables import exit_tables, page_table
from aebnas.report.figure_style import Figure
from aebnas.report.frame import drawn, figure_scripts, filled, resource, section
from aebnas.report.markup import Markup, data_script, element, joined
from aebnas.report.words import metric_name


def exit_page(study: ExitStudy) -> str:
    """Return the page's HTML."""
    policies, reliability = policies_figure(study), reliability_figure(study)
    accuracies, answers, exits = exit_tables(study)
    body = [
        _header(study),
        _drawn_section("policies-section", "Accuracy against mean cost", policies, _curves_caption(study)),
        section("accuracies", accuracies.title, page_table(accuracies)),
        section("decisions", answers.title, page_table(answers)),
        section("exits", exits.title, page_table(exits)),
        _drawn_section("reliability-section", "Is an exit as sure as it is right?", reliability, _BINS),
        _network(study),
    ]
    data = data_script("figures", [policies, reliability])
    return filled(f"{study.run}: exit policies", joined(body), resource("page.css"), data, figure_scripts())


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
    told = element("ul", *(element("li", text) for text in study.warnings), attributes={"class": "warnings"})
    heading = element("h1", "When to leave: exit policies compared")
    return element("header", heading, element("p", lead, attributes={"class": "lead"}), told)


def _curves_caption(study: ExitStudy) -> str:
    return (
        "Each policy along its path of settings, from the dearest to the cheapest; bands are 95% "
        f"bootstrap intervals over {study.comparison.scored_on:,} select images. Settings were chosen on "
        "calibrate, so a line may dip. A click on a name hides a policy, a double click shows it alone; "
        "the weakest points may lie below the frame: a double click on the figure shows all."
    )


def _network(study: ExitStudy) -> Markup:
    words = (element("li", line) for line in study.evaluation.architecture.drawing().lines())
    return section("network", "The network", element("ul", *words))


def _drawn_section(name: str, title: str, figure: Figure, caption: str) -> Markup:
    return section(name, title, *drawn(figure, title, caption))
