"""``exits.html``: all exit policies of one trained network on one self-contained page.

Must not import torch.
"""

from __future__ import annotations

from aebnas.report.exits.figures import figure_data
from aebnas.report.exits.study import ExitStudy
from aebnas.report.exits.tables import exit_tables
from aebnas.report.page.frame import body, resource, script, whole_page
from aebnas.report.page.markup import data_script
from aebnas.runs.formatting import metric_name

SCRIPTS = (
    "report/dom", "report/formatting", "report/plot", "exits/policies", "exits/confidence", "exits/main",
)  # fmt: skip
"""In the order in which they need each other."""


def exit_page(study: ExitStudy) -> str:
    """Return the page's HTML: the template ``exits_body.html`` with its places filled in."""
    accuracies, decisions, exits = exit_tables(study)
    content = body(
        "exits_body.html",
        key=study.evaluation.key,
        run=study.run,
        fitted=f"{study.comparison.fitted_on:,}",
        scored=f"{study.comparison.scored_on:,}",
        cost=metric_name(study.evaluation.cost_metric),
        warnings=study.warnings,
        accuracies=accuracies,
        decisions=decisions,
        exits=exits,
        drawing=study.evaluation.architecture.drawing().lines(),
    )
    data = data_script("study", figure_data(study))
    styles = resource("page.css") + resource("report.css")
    return whole_page(f"{study.run}: exit policies", content, styles, data, [script(SCRIPTS)])
