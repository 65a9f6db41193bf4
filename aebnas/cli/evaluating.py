"""``aebnas evaluate``."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from aebnas.cli.consoles import results_console
from aebnas.report.words import metric_name, metric_value, percent, si

if TYPE_CHECKING:
    from aebnas.exits.calibration import CalibrationReport
    from aebnas.final.evaluate import TestReport
    from aebnas.final.scores import Banded, NetworkScore
    from aebnas.final.stopping import Stopped

NONE = "–"


def evaluate(arguments: argparse.Namespace) -> int:
    """Score a trained network on the test images."""
    folder = Path(arguments.checkpoint)
    from aebnas.final.checkpoint import read_checkpoint

    read_checkpoint(folder)  # before data are read
    from aebnas.final.evaluate import evaluate as scored
    from aebnas.final.score_record import report_dict
    from aebnas.report.markup import finite

    static = Path(arguments.static) if arguments.static else None
    data = None if arguments.data is None else Path(arguments.data)
    report = scored(folder, static, arguments.hardware, arguments.images, not arguments.json, data)
    if arguments.json:
        print(json.dumps(finite(report_dict(report)), allow_nan=False))
        return 0
    show(report, results_console())
    return 0


def show(report: TestReport, console: Console) -> None:
    """Print the tables of an evaluation."""
    one = report.network
    console.print(f"{report.checkpoint.key} on {one.images:,} test images; brackets: 95% bootstrap intervals")
    for warning in report.warnings:
        console.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    console.print(exits_table(one), soft_wrap=False)
    console.print(comparison_table(report), soft_wrap=False)
    for rival in report.rivals:
        gain = rival.gain
        note = f" ({rival.note})" if rival.note else ""
        console.print(
            f"against {rival.name}{note}: accuracy {_points(gain.value)} points "
            f"[{_points(gain.low)}, {_points(gain.high)}], paired"
        )
    for missing in report.missing:
        console.print(f"{missing.name}: {missing.why}")
    console.print(str(report.folder / "evaluation.json"), style="bold")


def exits_table(one: NetworkScore) -> Table:
    """Return one row per exit, and the policy."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    counts = ("exit", "MACs", "accuracy, all images", "leave", "accuracy of those")
    for name in (*counts, "ECE", "NLL", "Brier", "AUROC"):
        table.add_column(name, justify="left" if name == "exit" else "right", no_wrap=True)
    for exit_ in one.exits:
        leaving = NONE if exit_.accuracy_of_leaving is None else banded(exit_.accuracy_of_leaving)
        table.add_row(
            exit_.name,
            si(exit_.reach_macs),
            banded(exit_.accuracy),
            percent(exit_.rate),
            leaving,
            *_calibration(exit_.calibration),
        )
    policy = one.policy
    table.add_row(
        "policy", si(policy.macs.value), banded(policy.accuracy), "", "", *_calibration(policy.calibration)
    )
    return table


def comparison_table(report: TestReport) -> Table:
    """Return one row per network: accuracy and cost, predicted and really stopping."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    costs = list(report.network.policy.costs)
    predicted = [f"predicted {metric_name(name)}" for name in costs]
    for name in (
        "network",
        "accuracy",
        "MACs predicted",
        "executed",
        *predicted,
        "mean ms",
        "median",
        "deciding",
    ):
        table.add_column(name, justify="left" if name == "network" else "right")
    rows = [("this, with its exits", report.network, report.stopped)]
    rows += [(rival.name, rival.score, rival.stopped) for rival in report.rivals]
    for name, score, stopped in rows:
        known = [score.policy.costs.get(cost) for cost in costs]
        table.add_row(
            name,
            banded(score.policy.accuracy),
            si(score.policy.macs.value),
            *_executed(score, stopped),
            *(
                NONE if value is None else metric_value(cost, value)
                for cost, value in zip(costs, known, strict=True)
            ),
            *_measured(stopped),
        )
    if report.stopped is not None:
        table.caption = (
            f"Executed and measured: {len(report.stopped.chosen):,} test images one by one in onnxruntime, "
            "one thread, networks in turns; deciding: its median, which Python spends, is part of both times."
        )
    return table


def banded(one: Banded) -> str:
    """Return a share with its interval: ``97.4% [96.0, 98.5]``."""
    return f"{percent(one.value, 2)} [{one.low * 100:.1f}, {one.high * 100:.1f}]"


def _executed(score: NetworkScore, stopped: Stopped | None) -> list[str]:
    return [NONE if stopped is None else si(stopped.macs([exit_.reach_macs for exit_ in score.exits]))]


def _measured(stopped: Stopped | None) -> list[str]:
    if stopped is None:
        return [NONE] * 3
    medians = [statistics.median(one.tolist()) for one in (stopped.ms, stopped.deciding_ms)]
    return [f"{value:.3f}" for value in (float(stopped.ms.mean()), *medians)]


def _calibration(report: CalibrationReport) -> list[str]:
    values = (report.ece, report.nll, report.brier, report.failure_auroc)
    return [NONE if value != value else f"{value:.3f}" for value in values]


def _points(share: float) -> str:
    return f"{share * 100:+.2f}"
