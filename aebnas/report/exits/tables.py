"""The tables of ``aebnas exits``, once as text: the terminal and the page show the same cells.

Must not import torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from aebnas.exits.quality.comparison import CALIBRATED_AT, SHARES, BudgetPoint, FamilyResult
from aebnas.report.exits.study import ExitStudy
from aebnas.report.page.tables import Column
from aebnas.runs.formatting import FINAL
from aebnas.terminal.tables import FittedTable, table_of_rows

LEAST_FIRST = ("Brier", "NLL", "T", "AURC", "cov.", "cov@5%", "arriv.", "scaled")


@dataclass(frozen=True)
class TextTable:
    """A table of text; the first column names the row."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    least_first: tuple[str, ...] = ()
    """Heads of the columns that a narrow terminal does without, in this order."""

    @property
    def columns(self) -> list[Column]:
        """Return the columns as the page takes them: all but the first hold numbers."""
        return [(head, bool(i)) for i, head in enumerate(self.heads)]


def exit_tables(study: ExitStudy) -> list[TextTable]:
    """Return the tables in the order in which they are read."""
    return [_accuracies(study), _decisions(study), _exits(study)]


def terminal_table(table: TextTable) -> FittedTable:
    """Return a table for the terminal."""
    return table_of_rows(table.heads, table.rows, table.title, table.caption, table.least_first)


def _accuracies(study: ExitStudy) -> TextTable:
    heads = ["policy"]
    for share in SHARES:
        heads += [f"{share:.0%}", "(95%)", "c."]
    rows = tuple(
        (family.name, *(c for p in family.points for c in _budget(p))) for family in study.comparison.families
    )
    return TextTable(
        "Accuracy at a budget, in %",
        tuple(heads),
        rows,
        f"Each policy fitted on {study.comparison.fitted_on:,} calibrate images to a mean cost of at most "
        f"that share of the full cost, scored on {study.comparison.scored_on:,} select images; c.: what it "
        f"then spends. ↑, ↓: the 95% interval of its difference from {study.comparison.baseline} lies above "
        "or below 0.",
        ("(95%)", "c."),
    )


def _budget(point: BudgetPoint) -> tuple[str, str, str]:
    sign = "↑" if point.gain_low > 0 else "↓" if point.gain_high < 0 else ""
    interval = f"{100 * point.low:.1f}–{100 * point.high:.1f}".replace("100.0", "100")  # else wider than 80
    return f"{sign}{100 * point.accuracy:.1f}", interval, f"{100 * point.cost:.0f}"


def _decisions(study: ExitStudy) -> TextTable:
    heads = ("policy", "ECE", "scaled", "NLL", "Brier", "AURC", "cov@5%", "AUROC", "harm")
    return TextTable(
        f"Calibration of the answers given at {CALIBRATED_AT:.0%} of the full cost",
        heads,
        tuple(_decision_row(family) for family in study.comparison.families),
        "ECE (%): gap between confidence and accuracy, 15 bins; scaled: with one temperature per exit. AURC: "
        "area under the risk-coverage curve; cov@5%: share of images answered with at most 5% wrong; AUROC: "
        "right answers surer than wrong ones; harm (%): wrong early, right at the last exit.",
        LEAST_FIRST,
    )


def _decision_row(family: FamilyResult) -> tuple[str, ...]:
    report = family.decisions
    harm = next(point.harm for point in family.points if point.share == CALIBRATED_AT)
    return (
        family.name,
        _share(report.ece),
        _share(family.scaled_decisions.ece),
        _number(report.nll),
        _number(report.brier),
        _number(report.aurc, 4),
        _share(report.coverage_at_5),
        _number(report.failure_auroc),
        f"{100 * harm:.2f}",
    )


def _exits(study: ExitStudy) -> TextTable:
    heads = ("exit", "acc.", "T", "ECE", "scaled", "NLL", "Brier", "AURC", "cov.", "AUROC", "arriv.")
    rows = tuple(
        (
            "final" if name == FINAL else name,
            _share(exit_.plain.accuracy),
            f"{exit_.temperature:.2f}",
            _share(exit_.plain.ece),
            _share(exit_.scaled.ece),
            _number(exit_.plain.nll),
            _number(exit_.plain.brier),
            _number(exit_.plain.aurc, 4),
            _share(exit_.plain.coverage_at_5),
            _number(exit_.plain.failure_auroc),
            _number(exit_.arriving.failure_auroc),
        )
        for name, exit_ in zip(study.exits, study.comparison.exits, strict=True)
    )
    return TextTable(
        "Calibration of every exit, were it to answer all images",
        heads,
        rows,
        "acc., ECE, cov. in %. T: temperature, fitted on calibrate; cov.: answered with at most 5% wrong; "
        "arriv.: the AUROC among images that arrive there under "
        f"{study.comparison.baseline} at {CALIBRATED_AT:.0%} of the full cost.",
        LEAST_FIRST,
    )


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _number(value: float, digits: int = 3) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"
