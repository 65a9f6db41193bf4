"""The tables of ``aebnas evaluate``."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from rich.console import Console

from aebnas.runs.formatting import metric_name, metric_value, percent, si
from aebnas.terminal.fitting import FittedText
from aebnas.terminal.tables import FittedTable, table_of_rows

if TYPE_CHECKING:
    from aebnas.exits.quality.calibration import CalibrationReport
    from aebnas.train.test.results import TestReport
    from aebnas.train.test.scores import NetworkScore, WithInterval
    from aebnas.train.test.stopping import Stopped

NONE = "–"


def show(report: TestReport, console: Console) -> None:
    """Print the tables of an evaluation."""
    network = report.network
    text = f"{report.checkpoint.key} on {network.images:,} test images; brackets: 95% bootstrap intervals"
    console.print(FittedText(text))
    for warning in report.warnings:
        console.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    console.print(exits_table(network), soft_wrap=False)
    console.print(comparison_table(report), soft_wrap=False)
    metrics = (
        f"{metric_name(name)} {metric_value(name, value)}" for name, value in network.policy.metrics.items()
    )
    console.print(FittedText(f"policy: {', '.join(metrics)}"))
    for baseline in report.baselines:
        gain = baseline.gain
        note = f" ({baseline.note})" if baseline.note else ""
        against = f"against {baseline.name}{note}: accuracy {_points(gain.value)} points "
        console.print(FittedText(f"{against}[{_points(gain.low)}, {_points(gain.high)}], paired"))
    for missing in report.missing:
        console.print(f"{missing.name}: {missing.why}")
    console.print(str(report.folder / "evaluation.json"), style="bold")


def exits_table(network: NetworkScore) -> FittedTable:
    """Return one row per exit, and the policy."""
    heads = (
        "exit", "MACs", "accuracy, all images", "leave", "accuracy of those", "ECE", "NLL", "Brier", "AUROC",
    )  # fmt: skip
    rows = [
        (
            exit_.name,
            si(exit_.reach_macs),
            banded(exit_.accuracy),
            percent(exit_.rate),
            NONE if exit_.accuracy_of_leaving is None else banded(exit_.accuracy_of_leaving),
            *_calibration(exit_.calibration),
        )
        for exit_ in network.exits
    ]
    policy = network.policy
    last = ("policy", si(policy.macs.value), banded(policy.accuracy), "", "")
    least_first = ("Brier", "NLL", "AUROC", "ECE")
    return table_of_rows(heads, [*rows, (*last, *_calibration(policy.calibration))], least_first=least_first)


def comparison_table(report: TestReport) -> FittedTable:
    """Return one row per network: accuracy and cost, predicted and really stopping."""
    costs = list(report.network.policy.costs)
    predicted = [f"predicted {metric_name(name)}" for name in costs]
    networks = [("this, with its exits", report.network, report.stopped)]
    networks += [(baseline.name, baseline.score, baseline.stopped) for baseline in report.baselines]
    rows = [
        (
            name,
            banded(score.policy.accuracy),
            si(score.policy.macs.value),
            *_executed(score, stopped),
            *(_predicted(cost, score) for cost in costs),
            *_measured(stopped),
        )
        for name, score, stopped in networks
    ]
    caption = ""
    if report.stopped is not None:
        caption = (
            f"Executed and measured: {len(report.stopped.chosen):,} test images one by one in onnxruntime, "
            "one thread, networks in turns; deciding: its median, which Python spends, is part of both times."
        )
    heads = ("network", "accuracy", "MACs predicted", "executed", *predicted, "mean ms", "median", "deciding")
    return table_of_rows(heads, rows, caption=caption, least_first=("deciding", "median"))


def _predicted(cost: str, score: NetworkScore) -> str:
    value = score.policy.costs.get(cost)
    return NONE if value is None else metric_value(cost, value)


def banded(estimate: WithInterval) -> str:
    """Return a share with its interval: ``97.4% [96.0, 98.5]``."""
    return f"{percent(estimate.value, 2)} [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"


def _executed(score: NetworkScore, stopped: Stopped | None) -> list[str]:
    return [NONE if stopped is None else si(stopped.macs([exit_.reach_macs for exit_ in score.exits]))]


def _measured(stopped: Stopped | None) -> list[str]:
    if stopped is None:
        return [NONE] * 3
    medians = [statistics.median(times.tolist()) for times in (stopped.ms, stopped.deciding_ms)]
    return [f"{value:.3f}" for value in (float(stopped.ms.mean()), *medians)]


def _calibration(report: CalibrationReport) -> list[str]:
    values = (report.ece, report.nll, report.brier, report.failure_auroc)
    return [NONE if value != value else f"{value:.3f}" for value in values]


def _points(share: float) -> str:
    return f"{share * 100:+.2f}"
