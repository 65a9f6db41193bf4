"""``report.html``: one self-contained page about one run or several.

Its HTML is the template ``report_body.html``; this module fills in the places.  Text and the front's table
need no script; figures and everything one can ask of them do.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aebnas.report.page.frame import body, resource, script, whole_page
from aebnas.report.page.markup import data_script
from aebnas.report.page.page_data import page_data
from aebnas.report.page.static_section import gain_lines, static_tables
from aebnas.report.page.surrogate_section import surrogate_sections
from aebnas.report.page.tables import comparison_table, failures, front_table
from aebnas.report.text.notes import comparison_warnings, reading_notes, warnings
from aebnas.report.text.static_text import BOTH_CHOSEN
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
    content = body(
        "report_body.html",
        title=_title(runs),
        gains=gain_lines(runs, comparisons),
        lead=_lead(runs),
        comparison=comparison_table(runs) if len(runs) > 1 else None,
        figures=headline(runs[0]),
        warnings=_warnings(runs),
        static_networks=static_tables(runs, comparisons),
        both_chosen=BOTH_CHOSEN,
        fronts=[front_table(run, links) for run in runs if run.front],
        references=_references(runs),
        surrogates=surrogate_sections(runs),
        failed=[failures(i, run) for i, run in enumerate(runs) if run.failed or run.failed_finals],
        notes=reading_notes(runs),
        runs=[
            {"label": run.label, "progress": progress_summary(run), "provenance": provenance(run)}
            for run in runs
        ],
        shown=_shown(runs),
        **_sections(runs, data["runs"]),
    )
    styles = resource("page.css") + resource("report.css")
    return whole_page(_title(runs), content, styles, data_script("data", data), [script(SCRIPTS)])


def _title(runs: Sequence[RunContents]) -> str:
    return runs[0].label if len(runs) == 1 else f"{len(runs)} runs compared"


def _lead(runs: Sequence[RunContents]) -> str:
    run = runs[0]
    if len(runs) > 1:
        return ", ".join(run.label for run in runs)
    objectives = ", ".join(metric_name(name) for name in run.config.objectives)
    return f"Early-exit networks for {dataset(run)}, searched for {objectives}; seed {run.config.search.seed}"


def _warnings(runs: Sequence[RunContents]) -> list[str]:
    """Return the warnings of a run; of several, those of their comparison and then of each by its name."""
    if len(runs) == 1:
        return warnings(runs[0])
    return comparison_warnings(runs) + [f"{run.label}: {text}" for run in runs for text in warnings(run)]


def _sections(runs: Sequence[RunContents], data: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Return which of the sections that only some runs have are on the page."""
    return {
        "has_points": any(run.points for run in runs),
        "has_trainings": any(run.trainings for run in runs),
        "has_genes": any(run["genes"] for run in data),
        "has_latency": any(run["latency"] for run in data),
        "are_trainings": all(run["trainings"] for run in data),
    }


def _shown(runs: Sequence[RunContents]) -> str:
    """Return how many candidates are shown of runs with more of them; empty where all are."""
    hidden = [run for run in runs if len(run.done) > run.config.report.max_candidates]
    return ", ".join(f"{run.config.report.max_candidates} of {len(run.done)}" for run in hidden)


def _references(runs: Sequence[RunContents]) -> list[str]:
    """Return the reference points of the hypervolumes, each once."""
    references = {
        ", ".join(f"{metric_name(name)} {metric_value(name, value)}" for name, value in
                  zip(run.config.objectives, run.generations[-1]["reference"], strict=True))
        for run in runs if run.generations
    }  # fmt: skip
    return sorted(references)
